import DaybookCore

/// What a store must be, as plainly as it can be said: an array of events, and what follows from it.
struct LogModel {
    private(set) var events: [RecordedEvent] = []
    private(set) var receipts: [CommandID: Receipt] = [:]
    /// The log's ends that a reader may see: after each append.
    private(set) var heads = [0]
    /// The places of each stream's events in the array.
    private var places: [StreamName: [Int]] = [:]
    private var controls: [StreamName: StreamControl] = [:]

    // MARK: - Recording

    /// Whether a request is what the log has next.
    func isNext(_ request: AppendRequest, in log: [RecordedEvent]) -> Bool {
        guard events.count < log.count, let write = request.writes.first else { return false }
        let next = log[events.count]
        return switch write.action {
        case .append(let new): next.id == new.first?.id && next.stream == write.stream
        case .setRetention, .delete, .tombstone:
            next.stream == write.stream.control && Array(next.metadata) == write.metadata
        }
    }

    /// Records a request, whose events must stand next in the log of the store.
    mutating func record(
        _ request: AppendRequest, digest: UInt64, in log: [RecordedEvent]
    ) throws(Violation) -> AppendResult {
        let before = events.count
        var ends: [AppendResult.StreamEnd] = []
        for write in request.writes {
            if case .append(let new) = write.action {
                for event in new { try add(event, to: write.stream, hasID: true, in: log) }
            } else if let (control, event) = controls[write.stream, default: StreamControl()]
                .applying(write, lastVersion: lastVersion(of: write.stream))
            {
                controls[write.stream] = control
                try add(event, to: write.stream.control, hasID: false, in: log)
            }
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: lastVersion(of: write.stream)))
        }
        guard let first = events[before...].first, events.last?.recordedAt == first.recordedAt else {
            throw Violation("the events of one request, from position \(before + 1) on, have several times")
        }
        heads.append(events.count)
        let result = AppendResult(
            streams: ends, position: head, eventCount: events.count - before, recordedAt: first.recordedAt)
        if let command = request.commandID { receipts[command] = Receipt(digest: digest, result: result) }
        return result
    }

    mutating func remember(_ request: AppendRequest, digest: UInt64, _ result: AppendResult) {
        guard let command = request.commandID else { return }
        var first = result
        first.isRepeat = false
        receipts[command] = Receipt(digest: digest, result: first)
    }

    private mutating func add(
        _ event: NewEvent, to stream: StreamName, hasID: Bool, in log: [RecordedEvent]
    ) throws(Violation) {
        let position = events.count + 1
        guard position <= log.count else {
            throw Violation("the log ends at position \(log.count); '\(event.type)' of stream '\(stream)' is missing")
        }
        let found = log[position - 1]
        let version = StreamVersion(Int64(places[stream, default: []].count))
        let expected = RecordedEvent(
            id: hasID ? event.id : found.id, type: event.type, schemaVersion: event.schemaVersion,
            contentType: event.contentType, data: event.data[...], metadata: event.metadata[...],
            tags: event.distinctTags, stream: stream, version: version, position: Position(Int64(position)),
            recordedAt: found.recordedAt)
        guard found == expected else {
            throw Violation(
                "position \(position) has \(found.id) '\(found.type)', version \(found.version) of stream "
                    + "'\(found.stream)'; expected \(expected.id) '\(expected.type)', version \(version) of '\(stream)'"
            )
        }
        if let last = events.last, last.recordedAt > found.recordedAt {
            throw Violation("the event at position \(position) was recorded before the one in front of it")
        }
        places[stream, default: []].append(events.count)
        events.append(found)
    }

    /// Takes a log as it is, without asking how it came about.
    init(of log: [RecordedEvent] = []) {
        events = log
        heads = [log.count]
        for (index, event) in log.enumerated() {
            places[event.stream, default: []].append(index)
            if let controlled = event.stream.controlled {
                controls[controlled] = StreamControl(decoding: event.data) ?? StreamControl()
            }
        }
        if log.isEmpty { heads = [0] }
    }

    // MARK: - Reading, as of a head

    private func places(of stream: StreamName, _ head: Int) -> ArraySlice<Int> {
        (places[stream] ?? []).prefix { $0 < head }
    }

    func state(of stream: StreamName, _ head: Int) -> StreamState {
        let count = places(of: stream, head).count
        let last = count == 0 ? nil : StreamVersion(Int64(count - 1))
        let control = places(of: stream.control, head).last.flatMap { StreamControl(decoding: events[$0].data) }
        return (control ?? StreamControl()).state(lastVersion: last)
    }

    func page(
        of stream: StreamName, from cursor: StreamCursor, _ direction: ReadDirection, limit: Int, _ head: Int,
        now: Timestamp
    ) -> StreamPage {
        let state = state(of: stream, head)
        var visible = places(of: stream, head).map { events[$0] }.filter {
            state.shows(version: $0.version, recordedAt: $0.recordedAt, now: now)
        }
        if direction == .backward { visible.reverse() }
        let rest: ArraySlice<RecordedEvent> =
            switch (cursor, direction) {
            case (.start, .forward), (.end, .backward): visible[...]
            case (.start, .backward), (.end, .forward): visible.suffix(1)
            case (.version(let version), .forward): visible.drop { $0.version < version }
            case (.version(let version), .backward): visible.drop { $0.version > version }
            case (.position(let position), .forward): visible.drop { $0.position < position }
            case (.position(let position), .backward): visible.drop { $0.position > position }
            case (.time(let time), .forward): visible.drop { $0.recordedAt < time }
            case (.time(let time), .backward): visible.drop { $0.recordedAt > time }
            }
        return StreamPage(events: Array(rest.prefix(limit)), state: state, isAtEnd: rest.count <= limit)
    }

    /// Whether a page is what the log has for a filter. A page may end early, with fewer events than there are, as long as
    /// it says how far it has looked.
    func allows(
        _ page: LogPage, from cursor: LogCursor, _ direction: ReadDirection, _ filter: EventFilter, limit: Int,
        _ head: Int
    ) -> Bool {
        let log = events.prefix(head)
        let start: Int =
            switch (cursor, direction) {
            case (.start, _): 0
            case (.end, _): head - 1
            case (.position(let position), .forward): Int(max(position.rawValue, 1)) - 1
            case (.position(let position), .backward): Int(min(max(position.rawValue, 0), Int64(head))) - 1
            case (.time(let time), .forward): log.firstIndex { $0.recordedAt >= time } ?? head
            case (.time(let time), .backward): log.lastIndex { $0.recordedAt <= time } ?? -1
            }
        let rest =
            direction == .forward
            ? log.dropFirst(max(start, 0)).filter(filter.matches)
            : log.prefix(start + 1).reversed().filter(filter.matches)
        guard page.events.count <= limit, page.events == Array(rest.prefix(page.events.count)) else { return false }
        guard page.events.count < rest.count else { return true }
        let next = rest[page.events.count].position
        return !page.isAtEnd && (direction == .forward ? next > page.scannedThrough : next < page.scannedThrough)
    }

    /// Streams with events, in the order of their first.
    func streams(_ head: Int) -> [StreamName] {
        var seen: [StreamName] = []
        var order: [StreamName: Int] = [:]
        for event in events.prefix(head) {
            // A stream's name is recorded with its first setting, too.
            let stream = event.stream.controlled ?? event.stream
            if order.updateValue(order[stream] ?? order.count, forKey: stream) == nil { seen.append(stream) }
        }
        return seen.filter { !places(of: $0, head).isEmpty }
    }
}

extension LogModel: AppendBasis {
    var head: Position { Position(Int64(events.count)) }

    func control(of stream: StreamName) -> StreamControl { controls[stream] ?? StreamControl() }

    func lastVersion(of stream: StreamName) -> StreamVersion? {
        places[stream].map { StreamVersion(Int64($0.count) - 1) }
    }

    func lastEventID(of stream: StreamName) -> EventID? { places[stream]?.last.map { events[$0].id } }

    func places(of stream: StreamName, from version: StreamVersion, count: Int) -> [EventPlace?] {
        (places[stream] ?? []).dropFirst(Int(version.rawValue)).prefix(count).map { index in
            EventPlace(
                id: events[index].id, position: events[index].position, recordedAt: events[index].recordedAt)
        }
    }

    func receipt(for command: CommandID) -> Receipt? { receipts[command] }

    func firstMatch(of query: EventQuery, after position: Position) -> Position? {
        events.dropFirst(Int(max(position, .start).rawValue)).first { query.matches(type: $0.type, tags: $0.tags) }?
            .position
    }
}

/// What a store did that it must not do.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
