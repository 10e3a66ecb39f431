import DaybookCore

/// What the clients asked for and were answered, in the order in which it reached the store's writer, and what they read.
struct SimulationHistory {
    enum Change {
        case append(AppendRequest, digest: UInt64)
        case checkpoint(CheckpointName, Position)
        case documents(DocumentBatch)
        case snapshot(Snapshot)
        case deleteSnapshot(SnapshotKey)
    }

    enum Outcome {
        case appended(Result<AppendResult, AppendError>)
        case changed(Result<Void, DerivedStateError>)
    }

    private struct Entry {
        var index: Int
        var change: Change
        var outcome: Outcome?
        var mayFail: Bool

        /// Whether its commit failed, and it may be there nevertheless after the next opening.
        var isLate: Bool {
            if case .appended(.failure(.storageFailed(_, mayBeWritten: true)))? = outcome { true } else { false }
        }

        /// Whether it may have been in a transaction whose commit failed: nobody sees that before the next opening.
        var mayBeSeenLater: Bool { isLate || isCancelledLate }

        /// Whether nobody waited for its answer any more when it was being written.
        var isCancelledLate: Bool {
            if case .appended(.failure(.cancelled(mayBeWritten: true)))? = outcome { true } else { false }
        }
    }

    private struct Observation {
        /// Told only when something is wrong.
        var what: () -> String
        var first: Int
        var last: Int
        var holds: (LogModel, Int) -> Bool
    }

    private struct DerivedObservation {
        var key: DerivedModel.Key
        var value: DerivedModel.Value
        var first: Int
        var end: Int
    }

    private struct ReceiptObservation {
        var command: CommandID
        var receipt: AppendResult?
        var first: Int
    }

    private(set) var model = LogModel()
    private(set) var derived = DerivedModel()
    /// What was not yet compared with the log.
    private var entries: [Entry] = []
    private var observations: [Observation] = []
    private var derivedObservations: [DerivedObservation] = []
    private var receiptObservations: [ReceiptObservation] = []
    private(set) var count = 0
    /// The last change that was acknowledged to a client.
    private(set) var lastAcknowledged = -1
    private(set) var acknowledgedAppends = 0
    private(set) var requests: [AppendRequest] = []
    private(set) var commands: [CommandID] = []
    /// What clients have seen of streams; a hint that may be old.
    private(set) var lastVersions: [StreamName: StreamVersion] = [:]

    /// Every event that was ever asked to be recorded.
    private var known: [EventID: (event: NewEvent, stream: StreamName)] = [:]
    /// Requests by their first event.
    private var requestOfEvent: [EventID: Int] = [:]
    /// From which change on a command's receipt is found.
    private var receiptEntries: [CommandID: Int] = [:]
    /// The last event of each append that was acknowledged, by its position, as far as the log reached when it was opened.
    private var acknowledged: [Int64: EventID] = [:]

    // MARK: - Taking down

    /// - Returns: The number under which the outcome is to be told.
    mutating func submit(_ change: Change, mayFail: Bool) -> Int {
        if case .append(let request, _) = change {
            for write in request.writes {
                guard case .append(let events) = write.action else { continue }
                for event in events {
                    known[event.id] = (event, write.stream)
                    if requestOfEvent[event.id] == nil { requestOfEvent[event.id] = requests.count }
                }
            }
            requests.append(request)
            if let command = request.commandID, !commands.contains(command) { commands.append(command) }
        }
        entries.append(Entry(index: count, change: change, outcome: nil, mayFail: mayFail))
        count += 1
        return count - 1
    }

    mutating func conclude(_ index: Int, _ outcome: Outcome) {
        guard let first = entries.first?.index else { return }
        entries[index - first].outcome = outcome
        switch outcome {
        case .appended(.success(let result)):
            acknowledgedAppends += 1
            lastAcknowledged = max(lastAcknowledged, index)
            for end in result.streams { lastVersions[end.stream] = end.version }
            if !result.isRepeat, case .append(let request, _) = entries[index - first].change,
                case .append(let events)? = request.writes.last?.action, let last = events.last
            {
                acknowledged[result.position.rawValue] = last.id
            }
        case .changed(.success): lastAcknowledged = max(lastAcknowledged, index)
        default: break
        }
    }

    /// Something was read: it must be right for a head between the one before the read and the one after it.
    mutating func observe(
        _ what: @autoclosure @escaping () -> String, from first: Position, to last: Position,
        _ holds: @escaping (LogModel, Int) -> Bool
    ) {
        observations.append(
            Observation(what: what, first: Int(first.rawValue), last: Int(last.rawValue), holds: holds))
    }

    mutating func observe(_ key: DerivedModel.Key, _ value: DerivedModel.Value, after first: Int) {
        derivedObservations.append(DerivedObservation(key: key, value: value, first: first, end: count))
    }

    mutating func observe(_ receipt: AppendResult?, for command: CommandID, after first: Int) {
        receiptObservations.append(ReceiptObservation(command: command, receipt: receipt, first: first))
    }

    /// Whether an event is one that somebody asked to be recorded, byte for byte. Those of control streams are the store's.
    func isGenuine(_ event: RecordedEvent) -> Bool {
        if event.stream.isControl { return StreamControl(decoding: event.data) != nil }
        guard let (new, stream) = known[event.id] else { return false }
        return event.stream == stream && event.type == new.type && event.schemaVersion == new.schemaVersion
            && event.contentType == new.contentType && event.data.elementsEqual(new.data)
            && event.metadata.elementsEqual(new.metadata) && event.tags == new.distinctTags
    }

    /// What was to be recorded under an identifier.
    func asked(_ id: EventID) -> String { known[id].map { "\($0.event) in \($0.stream)" } ?? "nothing" }

    /// The log was opened, and ends here.
    ///
    /// - Returns: How many appends that were acknowledged lie beyond: gone without a trace, as only a disk that lies can do it.
    mutating func didOpen(at head: Position) -> Int {
        let lost = acknowledged.keys.filter { $0 > head.rawValue }
        for position in lost { acknowledged[position] = nil }
        return lost.count
    }

    /// An append that was acknowledged, and is not where it was.
    func movedAppend(in log: [RecordedEvent]) -> String? {
        for (position, id) in acknowledged.sorted(by: { $0.key < $1.key }) where position <= log.count {
            if log[Int(position) - 1].id != id { return "position \(position) is no longer \(id)" }
        }
        return nil
    }

    /// A request of which the log has a part, and not the whole in one piece.
    func brokenRequest(in log: [RecordedEvent]) -> String? {
        var index = 0
        while index < log.count {
            guard let number = requestOfEvent[log[index].id] else {
                index += 1  // Of a control stream.
                continue
            }
            var place = index
            let first = requests[number].writes.first { if case .append = $0.action { true } else { false } }
            guard case .append(let events)? = first?.action, events.first?.id == log[index].id else {
                return "position \(index + 1) is not the beginning of its request"
            }
            var isFirst = true
            for write in requests[number].writes {
                guard case .append(let events) = write.action else {
                    if !isFirst { place += 1 }
                    continue
                }
                isFirst = false
                for event in events {
                    guard place < log.count, log[place].id == event.id else {
                        return "the request that begins at position \(index + 1) ends at \(place)"
                    }
                    place += 1
                }
            }
            index = place
        }
        return nil
    }

    // MARK: - Comparing

    /// Compares everything that happened since the last time with the log as it is now.
    ///
    /// - Parameter receipts: What the store has for each of ``commands``.
    mutating func settle(_ log: [RecordedEvent], receipts: [CommandID: AppendResult]) throws(Violation) {
        // A transaction whose commit failed is seen by nobody before the next opening: if it is there then, it came last. A
        // cancelled append that was not there before may have been a part of it.
        var late: [Entry] = []
        for entry in entries {
            if entry.isLate {
                late.append(entry)
            } else if try !settle(entry, log, receipts), entry.isCancelledLate {
                late.append(entry)
            }
        }
        for entry in late { _ = try settle(entry, log, receipts) }
        guard model.events.count == log.count else {
            throw Violation("\(log.count - model.events.count) events from \(log[model.events.count]) on were refused")
        }
        guard model.events == log else { throw Violation("an event is no longer what it was") }
        for (command, receipt) in model.receipts where receipts[command] != receipt.result {
            throw Violation("the receipt of '\(command)' is \(String(describing: receipts[command]))")
        }
        for command in commands where model.receipts[command] == nil && receipts[command] != nil {
            throw Violation("command '\(command)' has a receipt that nobody was to leave")
        }
        try compareObservations()
        entries = []
    }

    /// - Returns: Whether it is in the log, as far as the model goes now.
    private mutating func settle(
        _ entry: Entry, _ log: [RecordedEvent], _ receipts: [CommandID: AppendResult]
    ) throws(Violation) -> Bool {
        switch (entry.change, entry.outcome) {
        case (.append(let request, let digest), .appended(let outcome)):
            let before = model.events.count
            try settle(request, digest, outcome, entry, log, receipts)
            return model.events.count > before
        case (_, .changed(let outcome)):
            try settle(entry.change, outcome, entry)
            return true
        default: throw Violation("change \(entry.index) was never answered: \(entry.change)")
        }
    }

    private mutating func settle(
        _ request: AppendRequest, _ digest: UInt64, _ outcome: Result<AppendResult, AppendError>, _ entry: Entry,
        _ log: [RecordedEvent], _ receipts: [CommandID: AppendResult]
    ) throws(Violation) {
        var basis = model
        let decision = Result { () throws(AppendError) in try request.decide(on: &basis, digest: digest) }
        switch (outcome, decision) {
        case (.failure(.cancelled(mayBeWritten: false)), _), (.failure(.closed), _): return
        case (.failure(.storageFailed(let reason, false)), _):
            if !entry.mayFail { throw Violation("without any fault, append \(entry.index) failed: \(reason)") }
        case (.failure(.cancelled(mayBeWritten: true)), let decision),
            (.failure(.storageFailed(_, mayBeWritten: true)), let decision):
            if case .failure(.storageFailed(let reason, _)) = outcome, !entry.mayFail {
                throw Violation("without any fault, append \(entry.index) failed: \(reason)")
            }
            switch decision {
            case .success(.record):
                guard model.isNext(request, in: log), !isTakenLater(than: entry.index) else { return }
                _ = try model.record(request, digest: digest, in: log)
            case .success(.remember(let result)):
                if let command = request.commandID, receipts[command] != nil {
                    model.remember(request, digest: digest, result)
                }
            case .success(.answer), .failure: return
            }
        case (.success(let result), .success(.record)):
            let expected = try model.record(request, digest: digest, in: log)
            if result != expected { throw Violation("append \(entry.index) returned \(result), not \(expected)") }
        case (.success(let result), .success(.answer(let expected))):
            if result != expected { throw Violation("append \(entry.index) returned \(result), not \(expected)") }
        case (.success(let result), .success(.remember(let expected))):
            if result != expected { throw Violation("append \(entry.index) returned \(result), not \(expected)") }
            model.remember(request, digest: digest, expected)
        case (.success(let result), .failure(let error)):
            throw Violation("append \(entry.index) returned \(result), though: \(error)")
        case (.failure(let error), .failure(let expected)):
            if error != expected { throw Violation("append \(entry.index) threw '\(error)', not '\(expected)'") }
        case (.failure(let error), .success(let expected)):
            throw Violation("append \(entry.index) threw '\(error)', not \(expected)")
        }
        if let command = request.commandID, model.receipts[command] != nil, receiptEntries[command] == nil {
            receiptEntries[command] = entry.mayBeSeenLater ? count : entry.index
        }
    }

    /// Whether what the log has next was recorded by a later request, which repeated one whose answer was lost.
    private func isTakenLater(than index: Int) -> Bool {
        entries.contains { entry in
            guard entry.index > index, case .appended(.success(let result))? = entry.outcome else { return false }
            return !result.isRepeat && Int(result.position.rawValue) - result.eventCount == model.events.count
        }
    }

    private mutating func settle(
        _ change: Change, _ outcome: Result<Void, DerivedStateError>, _ entry: Entry
    ) throws(Violation) {
        let isCertain: Bool
        switch outcome {
        case .success: isCertain = true
        case .failure(.storageFailed(let reason)):
            if !entry.mayFail { throw Violation("without any fault, change \(entry.index) failed: \(reason)") }
            isCertain = false
        case .failure(.closed), .failure(.cancelled): return
        case .failure(.checkpointMoved(let model, let expected, let actual)):
            let possible = derived.possible(.modelCheckpoint(model), after: entry.index, before: entry.index)
            guard expected != actual, possible.contains(.position(actual.rawValue)) else {
                throw Violation("read model '\(model)' was at \(possible), not at position \(actual)")
            }
            return
        case .failure(.documentChanged(let model, let key)):
            guard case .documents(let batch) = change, let expected = batch.expected[key] else {
                throw Violation("document '\(key)' changed, which nobody asked about")
            }
            let possible = derived.possible(.document(model, key), after: entry.index, before: entry.index)
            if possible == [expected.map { .bytes($0) } ?? .nothing] {
                throw Violation("document '\(key)' of '\(model)' had not changed")
            }
            return
        case .failure(let error): throw Violation("change \(entry.index) threw '\(error)'")
        }
        func set(_ key: DerivedModel.Key, _ value: DerivedModel.Value) {
            derived.change(key, to: value, index: entry.index, isCertain: isCertain)
        }
        switch change {
        case .append: break
        case .checkpoint(let name, let position): set(.checkpoint(name), .position(position.rawValue))
        case .snapshot(let snapshot): set(.snapshot(snapshot.key), .snapshot(snapshot))
        case .deleteSnapshot(let key): set(.snapshot(key), .nothing)
        case .documents(let batch):
            let possible = derived.possible(.modelCheckpoint(batch.model), after: entry.index, before: entry.index)
            if isCertain, !possible.contains(.position(batch.previous.rawValue)) {
                throw Violation("read model '\(batch.model)' moved on from \(batch.previous), and was at \(possible)")
            }
            for (key, data) in batch.expected where isCertain {
                let value: DerivedModel.Value = data.map { .bytes($0) } ?? .nothing
                let possible = derived.possible(
                    .document(batch.model, key), after: entry.index, before: entry.index)
                if !possible.contains(value) {
                    throw Violation("document '\(key)' of '\(batch.model)' was changed though it was \(possible)")
                }
            }
            for (key, data) in batch.changes {
                set(.document(batch.model, key), data.map { .bytes($0) } ?? .nothing)
            }
            set(.modelCheckpoint(batch.model), .position(batch.checkpoint.rawValue))
        }
    }

    private mutating func compareObservations() throws(Violation) {
        for observation in observations {
            guard observation.last <= model.events.count else {
                throw Violation("position \(observation.last) was read, and the log ends at \(model.events.count)")
            }
            let heads = model.heads.filter { ($0 >= observation.first && $0 <= observation.last) }
            guard heads.contains(where: { observation.holds(model, $0) }) else {
                throw Violation("\(observation.what()), at none of the heads \(heads)")
            }
        }
        for observation in derivedObservations {
            let possible = derived.possible(observation.key, after: observation.first, before: observation.end)
            guard possible.contains(observation.value) else {
                throw Violation("\(observation.key) was read as \(observation.value), not one of \(possible)")
            }
        }
        for observation in receiptObservations {
            if let receipt = observation.receipt {
                guard model.receipts[observation.command]?.result == receipt else {
                    throw Violation("the receipt of '\(observation.command)' was read as \(receipt)")
                }
            } else if let index = receiptEntries[observation.command], index <= observation.first {
                throw Violation("the receipt of '\(observation.command)' was there, and not found")
            }
        }
        observations = []
        derivedObservations = []
        receiptObservations = []
    }

    /// Takes what is found of derived state as what it is from now on.
    mutating func settle(_ key: DerivedModel.Key, at value: DerivedModel.Value) throws(Violation) {
        let possible = derived.possible(key, after: count, before: count)
        guard possible.contains(value) else { throw Violation("\(key) is \(value), not one of \(possible)") }
        derived.settle(key, at: value)
    }

    /// Nothing that was observed can be held against a store whose disk lied.
    mutating func forget() {
        entries = []
        observations = []
        derivedObservations = []
        receiptObservations = []
    }
}
