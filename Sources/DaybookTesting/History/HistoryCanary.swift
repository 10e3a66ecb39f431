import DaybookCore

/// Plants anomalies in a history in which a check finds none, to show that it would.
///
/// ```swift
/// let history = try await HistoryWorkload(seed: 7, operations: 2_000).run(on: store)
/// let missed = HistoryCanary(history).missed(seed: 7)
/// #expect(missed.isEmpty)
/// ```
public struct HistoryCanary: Sendable {
    private let checker: HistoryChecker

    /// - Parameter history: One without violations, of at least some hundred operations.
    public init(_ history: History) {
        var checker = HistoryChecker(history)
        checker.check()
        self.checker = checker
    }

    /// Plants each kind of anomaly once, alone, and checks.
    ///
    /// - Returns: Those that were not found, or for which the history has no place.
    /// - Complexity: One check a kind.
    public func missed(seed: UInt64) -> [HistoryAnomaly] { HistoryAnomaly.allCases.filter { !isFound($0, seed: seed) } }

    /// Plants an anomaly at a place that the seed decides, and checks.
    ///
    /// - Returns: Whether the check found what the anomaly is. False, too, when the history has no place for it.
    public func isFound(_ anomaly: HistoryAnomaly, seed: UInt64) -> Bool {
        guard let planted = plant(anomaly, seed: seed) else { return false }
        return planted.check().violations.contains { anomaly.kinds.contains($0.kind) }
    }

    /// The history with an anomaly at a place that the seed decides; nil when it has no place for it.
    public func plant(_ anomaly: HistoryAnomaly, seed: UInt64) -> History? {
        var random = SplitMix64(seed: seed)
        var history = History(
            operations: checker.operations.filter { $0.client != HistoryChecker.opener },
            openings: checker.history.openings, log: checker.history.log)
        let isPlanted =
            switch anomaly {
            case .lostAcknowledgement: removeEvents(from: &history, atLeast: 1, all: true, &random)
            case .tornBatch: removeEvents(from: &history, atLeast: 2, all: false, &random)
            case .duplicate: addEvent(to: &history, id: nil, &random)
            case .phantomEvent: addEvent(to: &history, id: EventID(high: .max, low: random.next()), &random)
            case .changedPosition: changeResult(in: &history, &random) { $0.position = $0.position.next }
            case .changedVersion:
                changeResult(in: &history, &random) { $0.streams[0].version = $0.version?.next ?? .first }
            case .realTimeOrderViolated: swapTimes(in: &history, &random)
            case .expectedVersionViolated: changeExpectation(in: &history, &random)
            case .conditionIgnored: addCondition(to: &history, &random)
            case .falseConflict: refuse(in: &history, &random)
            case .staleRead: moveRead(in: &history, &random, isStale: true)
            case .readFromFuture: moveRead(in: &history, &random, isStale: false)
            case .nonPrefixRead:
                changePage(in: &history, &random, atLeast: 3) { $0.remove(at: $0.count / 2) }
            case .changedEvent: changePage(in: &history, &random, atLeast: 1) { $0[0].fingerprint ^= 1 }
            case .readsGoBackwards: addReads(to: &history, &random)
            case .changedReceipt:
                changeReceipt(in: &history, &random) { result, _ in
                    result.eventCount += 1
                    return result
                }
            case .forgottenReceipt:
                changeReceipt(in: &history, &random) { _, mayBeMissed in mayBeMissed ? nil : .some(nil) }
            }
        return isPlanted ? history : nil
    }

    // MARK: - Places

    /// The numbers of all operations, from a random one on and around.
    private func everywhere(_ random: inout SplitMix64) -> [Int] {
        let indices = checker.operations.indices.filter { checker.operations[$0].client != HistoryChecker.opener }
        guard !indices.isEmpty else { return [] }
        let start = Int.random(in: indices.indices, using: &random)
        return Array(indices[start...] + indices[..<start])
    }

    /// The appends that were acknowledged as new and are in the log, with their number there.
    private func written(_ random: inout SplitMix64) -> [(operation: Int, number: Int)] {
        everywhere(&random).compactMap { index in
            guard checker.operations[index].isNewAppend, let number = checker.commitOf[index] else { return nil }
            return (index, number)
        }
    }

    private func change(_ operation: Int, in history: inout History, _ change: (inout HistoryOperation) -> Void) -> Bool
    {
        guard let index = history.operations.firstIndex(where: { $0.started == checker.operations[operation].started })
        else { return false }
        change(&history.operations[index])
        return true
    }

    // MARK: - The log

    /// Removes the events of an append, or its last one, that nothing of the same streams follows.
    private func removeEvents(
        from history: inout History, atLeast least: Int, all: Bool, _ random: inout SplitMix64
    ) -> Bool {
        for (_, number) in written(&random) {
            var range = checker.commits[number - 1].range
            guard range.count >= least else { continue }
            if !all { range = range.upperBound - 1..<range.upperBound }
            let isLast = range.allSatisfy { index in
                let event = history.log[index]
                let last = checker.model.lastVersion(of: event.stream, checker.model.length) ?? -1
                return !event.stream.isControl && event.version.rawValue + Int64(range.count) > last
                    && history.log[range].contains { $0.stream == event.stream && $0.version.rawValue == last }
            }
            guard isLast else { continue }
            history.log.removeSubrange(range)
            return true
        }
        return false
    }

    /// Adds an event like one that was appended, at the end.
    private func addEvent(to history: inout History, id: EventID?, _ random: inout SplitMix64) -> Bool {
        guard let last = history.log.last else { return false }
        for (_, number) in written(&random) {
            let event = history.log[checker.commits[number - 1].range.lowerBound]
            let version = checker.model.eventCount(of: event.stream, checker.model.length)
            guard !event.stream.isControl else { continue }
            history.log.append(
                RecordedEvent(
                    id: id ?? event.id, type: event.type, schemaVersion: event.schemaVersion,
                    contentType: event.contentType, data: event.data, metadata: event.metadata, tags: event.tags,
                    stream: event.stream, version: StreamVersion(Int64(version)), position: last.position.next,
                    recordedAt: last.recordedAt))
            return true
        }
        return false
    }

    // MARK: - Appends

    private func changeResult(
        in history: inout History, _ random: inout SplitMix64, _ change: (inout AppendResult) -> Void
    ) -> Bool {
        guard let place = written(&random).first else { return false }
        return self.change(place.operation, in: &history) { operation in
            guard case .appended(var result) = operation.answer else { return }
            change(&result)
            operation.answer = .appended(result)
        }
    }

    private func swapTimes(in history: inout History, _ random: inout SplitMix64) -> Bool {
        let places = written(&random)
        for (first, number) in places {
            guard
                let (second, _) = places.first(where: { other, otherNumber in
                    // Without an answer it may have been written at any time after its start.
                    guard otherNumber > number, let end = checker.operations[other].ended else { return false }
                    let (started, ended) = (checker.operations[first].started, checker.operations[first].ended ?? .max)
                    // Where the store was opened in between, other checks may be the first to find it.
                    return ended < checker.operations[other].started
                        && !checker.history.openings.contains { $0.instant > started && $0.instant < end }
                })
            else { continue }
            let (early, late) = (checker.operations[first], checker.operations[second])
            guard let one = history.operations.firstIndex(where: { $0.started == early.started }),
                let other = history.operations.firstIndex(where: { $0.started == late.started })
            else { return false }
            (history.operations[one].started, history.operations[one].ended) = (late.started, late.ended)
            (history.operations[other].started, history.operations[other].ended) = (early.started, early.ended)
            return true
        }
        return false
    }

    private func changeExpectation(in history: inout History, _ random: inout SplitMix64) -> Bool {
        for (index, number) in written(&random) {
            let first = history.log[checker.commits[number - 1].range.lowerBound]
            guard first.version > .first, !first.stream.isControl, var request = checker.operations[index].request
            else { continue }
            request.writes[0].expected = .version(first.version.advanced(by: -2))
            return change(index, in: &history) { $0.call = .append(request) }
        }
        return false
    }

    private func addCondition(to history: inout History, _ random: inout SplitMix64) -> Bool {
        for (index, number) in written(&random) where number > 1 {
            guard var request = checker.operations[index].request, request.condition == nil else { continue }
            let past = history.log[Int.random(in: 0..<checker.commits[number - 1].range.lowerBound, using: &random)]
            request.condition = AppendCondition(failIfEventsMatch: EventQuery(types: [past.type]))
            return change(index, in: &history) { $0.call = .append(request) }
        }
        return false
    }

    /// Makes a read of a state an append that was refused over an older one.
    private func refuse(in history: inout History, _ random: inout SplitMix64) -> Bool {
        for index in everywhere(&random) {
            guard case .state(let stream) = checker.operations[index].call, let window = checker.windows[index] else {
                continue
            }
            let states = window.map { checker.model.state(of: stream, checker.lengths[$0]) }
            guard let state = states.first, states.allSatisfy({ $0 == state }), state.status == .live,
                let version = state.lastVersion, version > .first
            else { continue }
            // The store was in that other state once, unless a batch has passed over it.
            let wasThere = checker.lengths[..<window.lowerBound].contains { length in
                let past = checker.model.state(of: stream, length)
                return past.status == .live && past.lastVersion == version.advanced(by: -1)
            }
            guard wasThere else { continue }
            var request = AppendRequest()
            let event = NewEvent(id: EventID(high: .max, low: random.next()), type: "placed", data: [])
            request.append([event], to: stream, expecting: .version(version))
            return change(index, in: &history) { operation in
                operation.call = .append(request)
                operation.answer = .refused(
                    .wrongExpectedVersion(
                        stream: stream, expected: .version(version), actual: version.advanced(by: -1)))
            }
        }
        return false
    }

    // MARK: - Reads

    /// Has a read answer as in a state before or behind those that it may have seen.
    private func moveRead(in history: inout History, _ random: inout SplitMix64, isStale: Bool) -> Bool {
        for index in everywhere(&random) {
            switch checker.operations[index].call {
            case .state, .head, .readStream: break
            default: continue
            }
            guard let window = checker.windows[index] else { continue }
            let allowed = window.map { checker.modelAnswer(to: index, in: $0) }
            let others =
                isStale
                ? Array((max(0, window.lowerBound - 300)..<window.lowerBound).reversed())
                : Array(
                    (window.upperBound + 1)..<max(
                        window.upperBound + 1, min(checker.lengths.count, window.upperBound + 300)))
            guard
                let state = others.first(where: { !allowed.contains(checker.modelAnswer(to: index, in: $0)) }),
                let answer = checker.modelAnswer(to: index, in: state)
            else { continue }
            return change(index, in: &history) { $0.answer = answer }
        }
        return false
    }

    private func changePage(
        in history: inout History, _ random: inout SplitMix64, atLeast least: Int,
        _ change: (inout [ObservedEvent]) -> Void
    ) -> Bool {
        for index in everywhere(&random) {
            guard case .logPage(var events, let through, let isAtEnd) = checker.operations[index].answer,
                events.count >= least
            else { continue }
            change(&events)
            return self.change(index, in: &history) {
                $0.answer = .logPage(events, scannedThrough: through, isAtEnd: isAtEnd)
            }
        }
        return false
    }

    /// Changes a receipt that was told.
    ///
    /// - Parameter change: Gets the result, and whether the receipt may have been missed as well.
    private func changeReceipt(
        in history: inout History, _ random: inout SplitMix64,
        _ change: (inout AppendResult, _ mayBeMissed: Bool) -> AppendResult??
    ) -> Bool {
        for index in everywhere(&random) {
            guard case .receipt(let command) = checker.operations[index].call,
                case .receipt(var result?) = checker.operations[index].answer,
                let recorded = checker.model.receipts[command], let window = checker.windows[index]
            else { continue }
            let mayBeMissed = checker.lengths[window.lowerBound] <= recorded.length
            guard let answer = change(&result, mayBeMissed) else { continue }
            return self.change(index, in: &history) { $0.answer = .receipt(answer) }
        }
        return false
    }

    /// Adds two reads of the head at the beginning of an append, the first of which sees it and the second not.
    private func addReads(to history: inout History, _ random: inout SplitMix64) -> Bool {
        let starts = checker.commits.map { commit in commit.operation.map { checker.operations[$0].started } ?? .max }
        var latest: [Int64] = []
        for start in starts { latest.append(max(latest.last ?? .min, start)) }
        for (index, number) in written(&random) where latest[number - 1] == checker.operations[index].started {
            // Room between any two instants.
            let room: Int64 = 8
            for operation in history.operations.indices {
                history.operations[operation].started *= room
                history.operations[operation].ended = history.operations[operation].ended.map { $0 * room }
            }
            for opening in history.openings.indices { history.openings[opening].instant *= room }
            let started = checker.operations[index].started * room
            for (place, state) in [number, number - 1].enumerated() {
                let instant = started + 1 + 2 * Int64(place)
                history.operations.append(
                    HistoryOperation(
                        client: Int.max - place, started: instant, ended: instant + 1, call: .head,
                        answer: .head(checker.model.head(checker.lengths[state]))))
            }
            return true
        }
        return false
    }
}
