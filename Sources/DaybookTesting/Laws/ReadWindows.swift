import DaybookCore

/// Reads of every window of a stream and of the log, compared with a plain walk through what the log holds.
extension EventStoreLaw {
    /// Reads a stream from every cursor, inside and out of its range, in both directions and with several limits.
    ///
    /// - Parameter shown: The versions that its readers see.
    static func requireStreamWindows(
        of stream: StreamName, showing shown: PartialRangeFrom<Int64>, in store: any EventStore
    ) async throws {
        let log = try await store.wholeLog()
        let visible = log.filter { $0.stream == stream && shown.contains($0.version.rawValue) }
        var cursors: [StreamCursor] = [.start, .end]
        cursors += ([.min, -1, .max] + (0...11)).map { .version(StreamVersion($0)) }
        cursors += ([.min, -1, 0, .max] + (1...Int64(log.count + 2))).map { .position(Position($0)) }
        cursors += timesAround(log).map { .time($0) }
        try await requireEach(cursors) { cursor in
            for direction in [ReadDirection.forward, .backward] {
                let ordered = direction == .forward ? visible : visible.reversed()
                let window: [RecordedEvent]
                switch cursor {
                case .start: window = direction == .forward ? ordered : Array(ordered.suffix(1))
                case .end: window = direction == .backward ? ordered : Array(ordered.suffix(1))
                case .version(let version):
                    window = ordered.filter { direction == .forward ? $0.version >= version : $0.version <= version }
                case .position(let position):
                    window = ordered.filter {
                        direction == .forward ? $0.position >= position : $0.position <= position
                    }
                case .time(let time):
                    window = ordered.filter { direction == .forward ? $0.recordedAt >= time : $0.recordedAt <= time }
                }
                for limit in [1, 3, 100] {
                    let page = try await store.readPage(of: stream, from: cursor, direction: direction, limit: limit)
                    let what = "'\(stream)' from \(cursor) \(direction), limit \(limit)"
                    try requireSame(page.events, Array(window.prefix(limit)), what)
                    try requireEqual(page.isAtEnd, window.count <= limit, "\(what): whether it is at the end")
                }
            }
        }
    }

    /// Reads the log from every cursor, inside and out of its range, in both directions, with several filters and limits.
    static func requireLogWindows(in store: any EventStore) async throws {
        let log = try await store.wholeLog()
        var cursors: [LogCursor] = [.start, .end, .after(Position(.max))]
        cursors += ([.min, -1, 0, .max] + (1...Int64(log.count + 2))).map { .position(Position($0)) }
        cursors += timesAround(log).map { .time($0) }
        try await requireEach(cursors) { cursor in
            for direction in [ReadDirection.forward, .backward] {
                for (name, filter, fits) in logFilters {
                    let window = Self.window(of: log, from: cursor, direction).filter(fits)
                    for limit in [1, 4, 100] {
                        let page = try await store.readPage(
                            from: cursor, direction: direction, filter: filter, limit: limit)
                        try requirePage(
                            page, of: window, direction, limit: limit,
                            "The log from \(cursor) \(direction), \(name), limit \(limit)")
                    }
                }
            }
        }
    }

    private static let logFilters: [(String, EventFilter, @Sendable (RecordedEvent) -> Bool)] = [
        ("everything", .everything, { _ in true }),
        ("all", .all, { !$0.stream.rawValue.hasPrefix("$$") }),
        ("one category", EventFilter(categories: ["account"]), { $0.stream.rawValue.hasPrefix("account-") }),
    ]

    /// The events that a read passes, whether a filter lets them through or not.
    static func window(of log: [RecordedEvent], from cursor: LogCursor, _ direction: ReadDirection) -> [RecordedEvent] {
        let ordered = direction == .forward ? log : log.reversed()
        return switch cursor {
        case .start: direction == .forward ? ordered : Array(ordered.suffix(1))
        case .end: direction == .backward ? ordered : Array(ordered.suffix(1))
        case .position(let position):
            ordered.filter { direction == .forward ? $0.position >= position : $0.position <= position }
        case .time(let time):
            ordered.filter { direction == .forward ? $0.recordedAt >= time : $0.recordedAt <= time }
        }
    }

    /// A page holds the first events of its window, and what it says of how far it looked is true.
    static func requirePage(
        _ page: LogPage, of window: [RecordedEvent], _ direction: ReadDirection, limit: Int, _ what: String
    ) throws(LawViolation) {
        let looked = window.filter {
            direction == .forward ? $0.position <= page.scannedThrough : $0.position >= page.scannedThrough
        }
        try require(page.events.count <= limit, "\(what): the page has \(page.events.count) events")
        try requireSame(page.events, page.isAtEnd ? window : looked, "\(what), scanned through \(page.scannedThrough)")
        try require(
            page.isAtEnd || !page.events.isEmpty,
            "\(what): a page of a small log is empty and not at the end")
        if page.events.count < limit {
            try require(page.isAtEnd, "\(what): a page of a small log has room and is not at the end")
        }
    }

    private static func timesAround(_ log: [RecordedEvent]) -> [Timestamp] {
        var times: Set<Int64> = [.min, 0, .max]
        for event in log { times.formUnion([-1, 0, 1].map { event.recordedAt.microseconds + $0 }) }
        return times.sorted().map { Timestamp(microseconds: $0) }
    }
}
