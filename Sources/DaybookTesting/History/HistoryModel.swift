import DaybookCore

/// The log that a history ended with, and what a store answers that holds the first so many of its events.
///
/// ``EventStoreModel`` says the same of one log by plain walks through it; this one is asked about every length that a log
/// has had, some twenty times for each operation, and so finds its way by binary searches.
struct HistoryModel {
    struct Receipt {
        var body: CommandBody
        var result: AppendResult
    }

    enum Outcome {
        case recorded
        case repeated(AppendResult)
        case refused(AppendError)
        /// Refused because of any event from this index on that fits.
        case conditionFailed(first: Int)
    }

    private(set) var events: [RecordedEvent] = []
    private(set) var observed: [ObservedEvent] = []
    /// The indices of each stream's events by version, control streams' too.
    private var streams: [StreamName: [Int]] = [:]
    /// The settings of each stream, and from which length of the log on they hold.
    private var settings: [StreamName: [(length: Int, settings: EventStoreModel.Settings)]] = [:]
    /// Streams in the order in which the log tells of them, with the index of the first event that does.
    private var names: [(name: StreamName, index: Int)] = []
    private var known: Set<StreamName> = []
    /// The receipts of commands that recorded events, and the length of the log before these.
    private(set) var receipts: [CommandID: (length: Int, receipt: Receipt)] = [:]

    var length: Int { events.count }

    // MARK: - Growing

    /// Adds the events of one append, and what the request decided about streams.
    mutating func add(_ new: some Collection<RecordedEvent>, of request: AppendRequest?) {
        let before = length
        var changes: [(StreamName, EventStoreModel.Settings)] = []
        for write in request?.writes ?? [] where EventStoreModel.controlType(of: write.action) != nil {
            var changed = settings(of: write.stream, before)
            changed.apply(write.action, lastVersion: lastVersion(of: write.stream, before))
            changes.append((write.stream, changed))
        }
        for event in new {
            let name = event.stream.controlled ?? event.stream
            if known.insert(name).inserted { names.append((name, length)) }
            streams[event.stream, default: []].append(length)
            events.append(event)
            observed.append(ObservedEvent(event))
        }
        for (stream, changed) in changes { settings[stream, default: []].append((length, changed)) }
        if let request, let command = request.commandID, receipts[command] == nil {
            receipts[command] = (before, Receipt(body: CommandBody(request), result: result(of: request)))
        }
    }

    /// The result of a request whose events are the last of the log.
    func result(of request: AppendRequest) -> AppendResult {
        AppendResult(
            streams: request.writes.map { write in
                AppendResult.StreamEnd(
                    stream: write.stream, version: lastVersion(of: write.stream, length).map { StreamVersion($0) })
            }, position: head(length), eventCount: request.eventTotal,
            recordedAt: events.last?.recordedAt ?? Timestamp(microseconds: 0))
    }

    // MARK: - What a log of some length holds

    func head(_ length: Int) -> Position { length == 0 ? .start : events[length - 1].position }

    func eventCount(of stream: StreamName, _ length: Int) -> Int {
        guard let indices = streams[stream] else { return 0 }
        return indices.firstIndex(notBelow: length) { $0 }
    }

    func lastVersion(of stream: StreamName, _ length: Int) -> Int64? {
        let count = eventCount(of: stream, length)
        return count == 0 ? nil : Int64(count) - 1
    }

    func settings(of stream: StreamName, _ length: Int) -> EventStoreModel.Settings {
        guard let changes = settings[stream] else { return EventStoreModel.Settings() }
        return changes.last { $0.length <= length }?.settings ?? EventStoreModel.Settings()
    }

    func state(of stream: StreamName, _ length: Int) -> StreamState {
        settings(of: stream, length).state(lastVersion: lastVersion(of: stream, length))
    }

    /// The index behind the last event at or below a position.
    func end(of position: Position) -> Int { events.firstIndex(notBelow: position.next) { $0.position } }

    func index(of position: Position) -> Int? {
        let index = events.firstIndex(notBelow: position) { $0.position }
        return index < events.count && events[index].position == position ? index : nil
    }

    /// The first event at an index from one on, below another, that fits.
    func firstMatch(of query: EventQuery, from start: Int, below end: Int) -> Int? {
        guard start < end else { return nil }
        return (start..<end).first { query.matches(type: events[$0].type, tags: events[$0].tags) }
    }

    // MARK: - What it answers

    /// What becomes of a request, when this receipt is there.
    func outcome(of request: AppendRequest, _ length: Int, receipt: Receipt?) -> Outcome {
        if let id = request.commandID, let receipt {
            return receipt.body == CommandBody(request)
                ? .repeated(receipt.result) : .refused(.commandReused(id: id))
        }
        if let result = repeated(request, length) { return .repeated(result) }
        for write in request.writes {
            if let error = error(of: write.expected, for: write.stream, isWrite: true, length) {
                return .refused(error)
            }
        }
        for check in request.checks {
            if let error = error(of: check.expected, for: check.stream, isWrite: false, length) {
                return .refused(error)
            }
        }
        if let condition = request.condition {
            guard condition.after <= head(length) else {
                return .refused(.invalid(.conditionBeyondHead(after: condition.after, head: head(length))))
            }
            let start = end(of: condition.after)
            if let first = firstMatch(of: condition.failIfEventsMatch, from: start, below: length) {
                return .conditionFailed(first: first)
            }
        }
        return .recorded
    }

    private func error(
        of expected: ExpectedVersion, for stream: StreamName, isWrite: Bool, _ length: Int
    ) -> AppendError? {
        let state = state(of: stream, length)
        if state.status == .tombstoned, isWrite || expected != .any { return .streamTombstoned(stream: stream) }
        return EventStoreModel.error(of: expected, for: stream, in: state)
    }

    /// The first result when every write of a request already stands where it would have gone.
    private func repeated(_ request: AppendRequest, _ length: Int) -> AppendResult? {
        var ends: [AppendResult.StreamEnd] = []
        var last: RecordedEvent?
        for write in request.writes {
            guard case .append(let new) = write.action, let end = run(of: new, write, length) else { return nil }
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: end.version))
            if end.position > (last?.position ?? .start) { last = end }
        }
        guard let last else { return nil }
        return AppendResult(
            streams: ends, position: last.position, eventCount: request.eventTotal, recordedAt: last.recordedAt)
    }

    /// The last of a write's events, when they stand where it would have put them.
    private func run(of new: [NewEvent], _ write: StreamWrite, _ length: Int) -> RecordedEvent? {
        let count = eventCount(of: write.stream, length)
        guard count > 0, let indices = streams[write.stream] else { return nil }
        let starts: [Int64]
        switch write.expected {
        case .any, .streamExists: starts = [Int64(count - new.count)]
        case .noStream: starts = [0, settings(of: write.stream, length).deletedBefore ?? 0]
        case .version(let version): starts = version.rawValue == .max ? [] : [version.rawValue + 1]
        }
        for start in starts where start >= 0 && start + Int64(new.count) <= Int64(count) {
            let run = indices[Int(start)..<Int(start) + new.count]
            if zip(run, new).allSatisfy({ events[$0].id == $1.id }), let last = run.last { return events[last] }
        }
        return nil
    }

    /// The page of a stream. Ages are taken to hide nothing.
    func page(
        of stream: StreamName, from cursor: StreamCursor, _ direction: ReadDirection, limit: Int, _ length: Int
    ) -> HistoryAnswer {
        let state = state(of: stream, length)
        let last = state.lastVersion?.rawValue ?? -1
        var first = state.retention.truncateBefore?.rawValue ?? 0
        if let count = state.retention.maxCount { first = max(first, last + 1 - count) }
        guard state.status == .live, first <= last, let indices = streams[stream] else {
            return .streamPage([], state, isAtEnd: true)
        }
        let visible = Int(max(first, 0))...Int(last)
        /// The first version at which something holds that holds of all later ones.
        func version(_ holds: (RecordedEvent) -> Bool) -> Int {
            visible.first { holds(events[indices[$0]]) } ?? visible.upperBound + 1
        }
        var range: Range<Int>
        switch (cursor, direction) {
        case (.start, .forward), (.end, .backward): range = Range(visible)
        case (.start, .backward): range = visible.lowerBound..<visible.lowerBound + 1
        case (.end, .forward): range = visible.upperBound..<visible.upperBound + 1
        case (.version(let start), .forward): range = version { $0.version >= start }..<visible.upperBound + 1
        case (.version(let start), .backward): range = visible.lowerBound..<version { $0.version > start }
        case (.position(let start), .forward): range = version { $0.position >= start }..<visible.upperBound + 1
        case (.position(let start), .backward): range = visible.lowerBound..<version { $0.position > start }
        case (.time(let start), .forward): range = version { $0.recordedAt >= start }..<visible.upperBound + 1
        case (.time(let start), .backward): range = visible.lowerBound..<version { $0.recordedAt > start }
        }
        let isAtEnd = range.count <= limit
        range = direction == .forward ? range.prefix(limit) : range.suffix(limit)
        let page = range.map { observed[indices[$0]] }
        return .streamPage(direction == .forward ? page : page.reversed(), state, isAtEnd: isAtEnd)
    }

    /// The names of streams that have events, behind one.
    func streams(after name: StreamName?, limit: Int, _ length: Int) -> [StreamName] {
        let told = names.prefix { $0.index < length }
        let start = name.flatMap { name in told.firstIndex { $0.name == name } }.map { $0 + 1 } ?? 0
        return Array(told[start...].lazy.map(\.name).filter { eventCount(of: $0, length) > 0 }.prefix(limit))
    }
}

extension AppendRequest {
    /// How many events it records.
    var eventTotal: Int {
        writes.reduce(0) { total, write in
            if case .append(let events) = write.action { total + events.count } else { total + 1 }
        }
    }
}

extension Array {
    /// Where the first element is whose value is not below one, in an array in the order of these values.
    func firstIndex<Value: Comparable>(notBelow value: Value, _ valueOf: (Element) -> Value) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if valueOf(self[middle]) < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
