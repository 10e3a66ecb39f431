import DaybookCore

extension HistoryChecker {
    /// Whether the state of some number explains the whole answer of an operation; to be asked of these states alone.
    func explanation(of operation: Int, from low: Int, through high: Int) -> (Int) -> Bool {
        let model = model
        let lengths = lengths
        let call = operations[operation].call
        let given = operations[operation].answer
        switch (call, given) {
        case (.append(let request), _):
            return { state in
                let length = lengths[state]
                let receipt = self.receipt(of: request.commandID, for: operation, length)
                return self.matches(model.outcome(of: request, length, receipt: receipt), given, request, length)
            }
        case (.readStream(let stream, let cursor, let direction, let limit), .streamPage):
            return { model.page(of: stream, from: cursor, direction, limit: limit, lengths[$0]) == given }
        case (
            .readLog(let cursor, let direction, let filter, let limit),
            .logPage(let events, let scannedThrough, let isAtEnd)
        ):
            let page = LogPageExplanation(
                model, cursor, direction, filter, limit: limit, events: events, scannedThrough: scannedThrough,
                isAtEnd: isAtEnd, from: lengths[low], through: lengths[high])
            return { page.holds(model, lengths[$0]) }
        case (.state(let stream), .state(let state)):
            return { model.state(of: stream, lengths[$0]) == state }
        case (.streams(let after, let limit), .streams(let names)):
            return { model.streams(after: after, limit: limit, lengths[$0]) == names }
        case (.receipt(let command), .receipt(let result)):
            return { self.receipt(of: command, for: operation, lengths[$0])?.result == result }
        case (.head, .head(let head)):
            return { model.head(lengths[$0]) == head }
        case (.headBeyond(let position), .head(let head)):
            return { head > position && model.head(lengths[$0]) == head }
        default:
            return { _ in false }
        }
    }

    /// The receipt that an operation met in a state.
    func receipt(of command: CommandID?, for operation: Int, _ length: Int) -> HistoryModel.Receipt? {
        guard let command else { return nil }
        if let recorded = model.receipts[command] { return length > recorded.length ? recorded.receipt : nil }
        guard let quiet = receipts[command], quiet.finders.contains(operation) else { return nil }
        return quiet.receipt
    }

    private func matches(
        _ outcome: HistoryModel.Outcome, _ answer: HistoryAnswer, _ request: AppendRequest, _ length: Int
    ) -> Bool {
        switch (outcome, answer) {
        case (.repeated(var expected), .appended(let result)):
            expected.isRepeat = true
            return result == expected
        case (.recorded, .appended(let result)):
            // Of a command that decided on nothing: whoever writes events has a place in the log.
            let earliest = length == 0 ? Timestamp(microseconds: .min) : model.events[length - 1].recordedAt
            return request.writes.isEmpty && !result.isRepeat && result.streams.isEmpty && result.eventCount == 0
                && result.position == model.head(length) && result.recordedAt >= earliest
        case (.refused(let expected), .refused(let error)):
            return error == expected
        case (.conditionFailed, .refused(.conditionFailed(let after, let conflict))):
            guard let condition = request.condition, condition.after == after, conflict > after,
                let index = model.index(of: conflict), index < length
            else { return false }
            return condition.failIfEventsMatch.matches(
                type: model.events[index].type, tags: model.events[index].tags)
        default:
            return false
        }
    }

    /// What would be answered in a state, in words.
    func answer(to operation: Int, in state: Int) -> String {
        let length = lengths[state]
        switch operations[operation].call {
        case .append(let request):
            let receipt = receipt(of: request.commandID, for: operation, length)
            return describe(model.outcome(of: request, length, receipt: receipt))
        default: return modelAnswer(to: operation, in: state).map { "\($0)" } ?? "none"
        }
    }

    /// What would be answered to a read in a state.
    func modelAnswer(to operation: Int, in state: Int) -> HistoryAnswer? {
        let length = lengths[state]
        switch operations[operation].call {
        case .append: return nil
        case .readStream(let stream, let cursor, let direction, let limit):
            return model.page(of: stream, from: cursor, direction, limit: limit, length)
        case .readLog(let cursor, let direction, let filter, let limit):
            return LogPageExplanation(
                model, cursor, direction, filter, limit: limit, events: [], scannedThrough: .start, isAtEnd: true,
                from: length, through: length
            ).page(model, length)
        case .state(let stream): return .state(model.state(of: stream, length))
        case .streams(let after, let limit): return .streams(model.streams(after: after, limit: limit, length))
        case .receipt(let command): return .receipt(receipt(of: command, for: operation, length)?.result)
        case .head, .headBeyond: return .head(model.head(length))
        }
    }

    func describe(_ outcome: HistoryModel.Outcome) -> String {
        switch outcome {
        case .recorded: "it is recorded"
        case .repeated(let result): "recorded before: \(HistoryAnswer.appended(result))"
        case .refused(let error): "\(HistoryAnswer.refused(error))"
        case .conditionFailed(let first):
            "refused: the event at position \(model.events[first].position) fits the condition"
        }
    }
}

/// A page of the log, compared with what a read of some lengths of the log returns. The events that fit are looked for once.
private struct LogPageExplanation {
    let cursor: LogCursor
    let direction: ReadDirection
    let filter: EventFilter
    let limit: Int
    let events: [ObservedEvent]
    let scannedThrough: Position
    let isAtEnd: Bool
    /// The indices of events that fit, in the direction of the read; as many as a page takes, and one.
    private var fits: [Int] = []

    init(
        _ model: HistoryModel, _ cursor: LogCursor, _ direction: ReadDirection, _ filter: EventFilter, limit: Int,
        events: [ObservedEvent], scannedThrough: Position, isAtEnd: Bool, from low: Int, through high: Int
    ) {
        self.cursor = cursor
        self.direction = direction
        self.filter = filter
        self.limit = limit
        self.events = events
        self.scannedThrough = scannedThrough
        self.isAtEnd = isAtEnd
        if direction == .forward {
            var index = range(model, cursor == .end ? low : high).lowerBound
            while index < high, cursor == .end || fits.count <= limit {
                if filter.matches(model.events[index]) { fits.append(index) }
                index += 1
            }
        } else {
            let sure = range(model, low).upperBound
            var index = range(model, high).upperBound - 1
            var count = 0
            while index >= 0, count <= limit {
                if filter.matches(model.events[index]) {
                    fits.append(index)
                    if index < sure { count += 1 }
                }
                index -= 1
            }
        }
    }

    /// The indices that the cursor leaves of a log of some length.
    private func range(_ model: HistoryModel, _ length: Int) -> Range<Int> {
        let first: Int
        switch (cursor, direction) {
        case (.start, .forward), (.end, .backward): return 0..<length
        case (.start, .backward): return 0..<min(1, length)
        case (.end, .forward): return max(length - 1, 0)..<length
        case (.position(let position), .forward): first = model.end(of: position.previous)
        case (.position(let position), .backward): return 0..<min(model.end(of: position), length)
        case (.time(let time), .forward): first = model.events.firstIndex(notBelow: time) { $0.recordedAt }
        case (.time(let time), .backward):
            let next = Timestamp(microseconds: time.microseconds + 1)
            return 0..<min(model.events.firstIndex(notBelow: next) { $0.recordedAt }, length)
        }
        return min(first, length)..<length
    }

    private func fitting(_ model: HistoryModel, _ length: Int) -> ArraySlice<Int> {
        let range = range(model, length)
        if direction == .backward { return fits.drop { $0 >= range.upperBound }.prefix(limit + 1) }
        return fits.drop { $0 < range.lowerBound }.prefix { $0 < length }.prefix(limit + 1)
    }

    func page(_ model: HistoryModel, _ length: Int) -> HistoryAnswer {
        let fitting = fitting(model, length)
        let isAtEnd = fitting.count <= limit
        let last = fitting.prefix(limit).last.map { model.events[$0].position } ?? .start
        return .logPage(
            fitting.prefix(limit).map { model.observed[$0] }, scannedThrough: isAtEnd ? model.head(length) : last,
            isAtEnd: isAtEnd)
    }

    func holds(_ model: HistoryModel, _ length: Int) -> Bool {
        let fitting = fitting(model, length)
        guard events.count <= min(limit, fitting.count),
            zip(events, fitting).allSatisfy({ $0 == model.observed[$1] })
        else { return false }
        if direction == .forward {
            // A reader goes on behind this, and would pass over what comes in between.
            var furthest = model.head(length)
            if case .position(let position) = cursor { furthest = max(furthest, position.previous) }
            guard scannedThrough <= furthest else { return false }
        }
        if isAtEnd { return events.count == fitting.count }
        guard events.count == limit || hasLookedLong(model, length) else { return false }
        guard let next = fitting.dropFirst(events.count).first else { return true }
        let position = model.events[next].position
        return direction == .forward ? position > scannedThrough : position < scannedThrough
    }

    /// Whether a page may end before it is full: when it has looked at so many events, or holds so many bytes.
    private func hasLookedLong(_ model: HistoryModel, _ length: Int) -> Bool {
        let range = range(model, length)
        let place = model.end(of: scannedThrough)
        let looked = direction == .forward ? place - range.lowerBound : range.upperBound - place + 1
        if looked >= Limits.eventsScannedPerPage { return true }
        let bytes = events.reduce(0) { total, event in
            guard let index = model.index(of: event.position) else { return total }
            return total + model.events[index].data.count + model.events[index].metadata.count
        }
        return bytes >= Limits.pageBytes
    }
}
