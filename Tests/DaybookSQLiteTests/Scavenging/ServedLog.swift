import DaybookCore
import DaybookSQLite
import Testing

/// Everything that a store serves of its log, by every way of reading.
struct ServedLog {
    private(set) var events: [RecordedEvent] = []
    private(set) var states: [StreamName: StreamState] = [:]
    private(set) var receipts: [CommandID: AppendResult] = [:]

    init(_ store: SQLiteEventStore, commands: [CommandID] = []) async throws {
        for try await event in store.events(filter: .everything, pageSize: 7) { events.append(event) }
        for stream in Set(events.map(\.stream)) { states[stream] = try await store.state(of: stream) }
        for command in commands { receipts[command] = try await store.receipt(for: command) }
    }

    var positions: [Int64] { events.map(\.position.rawValue) }

    /// What scavenging may remove: what no reader of a stream sees, but for its last event and the store's own.
    func hidden(through bound: Int64 = .max, now: Timestamp) -> Set<Position> {
        Set(
            events.filter { event in
                guard let state = states[event.stream], !event.stream.isControl else { return false }
                return event.position.rawValue <= bound && event.version != state.lastVersion
                    && !state.shows(version: event.version, recordedAt: event.recordedAt, now: now)
            }.map(\.position))
    }

    /// Every way in which a store serves something else than this log without some of its events.
    func differences(
        in store: SQLiteEventStore, without removed: Set<Position> = [], now: Timestamp
    ) async throws -> [String] {
        var differences: [String] = []
        let kept = events.filter { !removed.contains($0.position) }
        func compare(_ found: [RecordedEvent], _ expected: [RecordedEvent], _ what: String) {
            guard found != expected else { return }
            differences.append(
                "\(what): positions \(found.map(\.position)), not \(expected.map(\.position))")
        }
        func read(
            _ filter: EventFilter, _ direction: ReadDirection = .forward, from cursor: LogCursor? = nil,
            pageSize: Int = 5
        ) async throws -> [RecordedEvent] {
            var found: [RecordedEvent] = []
            let sequence = store.events(
                from: cursor ?? (direction == .forward ? .start : .end), direction: direction, filter: filter,
                pageSize: pageSize)
            for try await event in sequence { found.append(event) }
            return found
        }
        compare(try await read(.everything), kept, "the log")
        compare(try await read(.everything, .backward), kept.reversed(), "the log backward")
        for event in events.enumerated().filter({ $0.offset % 9 == 0 }).map(\.element) {
            let behind = kept.filter { $0.position >= event.position }
            compare(
                try await read(.everything, from: .position(event.position), pageSize: 500), behind,
                "the log from \(event.position)")
            compare(
                try await read(.everything, .backward, from: .position(event.position), pageSize: 500),
                kept.filter { $0.position <= event.position }.reversed(), "the log backward from \(event.position)")
            compare(
                try await read(.everything, from: .time(event.recordedAt), pageSize: 500),
                kept.filter { $0.recordedAt >= event.recordedAt }, "the log from \(event.recordedAt)")
            compare(
                try await read(.everything, .backward, from: .time(event.recordedAt), pageSize: 500),
                kept.filter { $0.recordedAt <= event.recordedAt }.reversed(),
                "the log backward from \(event.recordedAt)")
        }
        for tag in Set(events.flatMap(\.tags)) {
            let filter = EventFilter(tags: [tag])
            compare(try await read(filter), kept.filter(filter.matches), "tag \(tag)")
            compare(try await read(filter, .backward), kept.filter(filter.matches).reversed(), "tag \(tag) backward")
        }
        for type in Set(events.map(\.type)) where !type.rawValue.hasPrefix("$") {
            let filter = EventFilter(types: [type])
            compare(try await read(filter), kept.filter(filter.matches), "type \(type)")
        }
        for category in Set(events.map(\.stream.category)) {
            let filter = EventFilter(categories: [category], includesControlEvents: true)
            compare(try await read(filter), kept.filter(filter.matches), "category \(category)")
        }
        for (stream, state) in states {
            guard try await store.state(of: stream) == state else {
                differences.append("the state of '\(stream)' is \(try await store.state(of: stream)), not \(state)")
                continue
            }
            let visible = kept.filter {
                $0.stream == stream && state.shows(version: $0.version, recordedAt: $0.recordedAt, now: now)
            }
            for size in [1, 3, 500] {
                var (forward, backward): ([RecordedEvent], [RecordedEvent]) = ([], [])
                for try await event in store.events(of: stream, pageSize: size) { forward.append(event) }
                let sequence = store.events(of: stream, from: .end, direction: .backward, pageSize: size)
                for try await event in sequence { backward.append(event) }
                compare(forward, visible, "stream '\(stream)'")
                compare(backward, visible.reversed(), "stream '\(stream)' backward")
            }
            for event in events where event.stream == stream {
                let page = try await store.readPage(
                    of: stream, from: .position(event.position), direction: .forward, limit: 500)
                compare(
                    page.events, visible.filter { $0.position >= event.position },
                    "stream '\(stream)' from \(event.position)")
            }
        }
        for (command, result) in receipts where try await store.receipt(for: command) != result {
            differences.append("the receipt of '\(command)' is another")
        }
        return differences
    }
}
