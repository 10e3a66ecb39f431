import DaybookCore

extension EventStoreLaw {
    static let reads: [EventStoreLaw] = [
        EventStoreLaw("A stream is read from every cursor, at both ends and in both directions") { store in
            try await Self.appendInterleaved(10, to: store)
            try await Self.requireStreamWindows(of: "account-1", showing: 0..., in: store)
        },
        EventStoreLaw("A truncated stream is read from every cursor, at both ends and in both directions") { store in
            try await Self.appendInterleaved(10, to: store)
            try await store.setRetention(Retention(truncateBefore: 4), of: "account-1")
            try await Self.requireStreamWindows(of: "account-1", showing: 4..., in: store)
            try await store.setRetention(Retention(maxCount: 3), of: "account-1")
            try await Self.requireStreamWindows(of: "account-1", showing: 7..., in: store)
        },
        EventStoreLaw("A stream without visible events is empty from every cursor") { store in
            for (stream, make) in Self.emptyStreams {
                try await make(stream, store)
                try await Self.requireStreamWindows(of: stream, showing: 100..., in: store)
            }
        },
        EventStoreLaw("The log is read from every cursor, at both ends and in both directions") { store in
            try await Self.requireLogWindows(in: store)
            try await Self.appendInterleaved(6, to: store)
            try await store.setRetention(Retention(maxCount: 2), of: "account-1")
            try await store.delete("account-2")
            try await Self.requireLogWindows(in: store)
        },
        EventStoreLaw("Reading page by page gives what one large page gives") { store in
            try await Self.appendInterleaved(9, to: store)
            let stream = try await store.wholeStream("account-1")
            let log = try await store.wholeLog()
            for pageSize in [1, 2, 3, 4, 9, 10] {
                for direction in [ReadDirection.forward, .backward] {
                    let start: (StreamCursor, LogCursor) = direction == .forward ? (.start, .start) : (.end, .end)
                    var events: [RecordedEvent] = []
                    let ofStream = store.events(
                        of: "account-1", from: start.0, direction: direction, pageSize: pageSize)
                    for try await event in ofStream { events.append(event) }
                    try requireSame(
                        events, direction == .forward ? stream : stream.reversed(),
                        "The stream \(direction) in pages of \(pageSize)")
                    events = []
                    let ofLog = store.events(
                        from: start.1, direction: direction, filter: .everything, pageSize: pageSize)
                    for try await event in ofLog { events.append(event) }
                    try requireSame(
                        events, direction == .forward ? log : log.reversed(),
                        "The log \(direction) in pages of \(pageSize)")
                }
            }
        },
        EventStoreLaw("A page tells whether it reached the end, and how far it looked") { store in
            try await Self.appendInterleaved(5, to: store)
            let head = try await store.head()
            for (limit, isAtEnd) in [(1, false), (4, false), (5, true), (6, true)] {
                let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: limit)
                try requireEqual(page.isAtEnd, isAtEnd, "Whether a page of \(limit) is at the end of 5 events")
                try requireEqual(page.state, try await store.state(of: "account-1"), "The state of that page")
            }
            let rare = try await store.append([fact(type: "rare")], to: "account-1").position
            try await store.append(facts(3), to: "account-2")
            var scanned = Position.start
            var found: [Position] = []
            var pages = 0
            while true {
                let page = try await store.readPage(
                    from: .after(scanned), direction: .forward, filter: EventFilter(types: ["rare"]), limit: 1)
                found += page.events.map(\.position)
                try require(
                    page.events.allSatisfy { $0.position <= page.scannedThrough },
                    "A page ends behind the position \(page.scannedThrough) up to which it looked")
                try require(
                    page.scannedThrough > scanned || page.isAtEnd,
                    "A page after \(scanned) looked at nothing and is not at the end")
                scanned = max(scanned, page.scannedThrough)
                pages += 1
                try require(pages < 100, "A read of \(head) events has no end")
                if page.isAtEnd { break }
            }
            try requireEqual(found, [rare], "The positions of the one event that fits")
            try requireEqual(scanned, try await store.head(), "How far a read to the end looked")
            let behind = try await store.readPage(
                from: .after(scanned), direction: .forward, filter: .all, limit: 10)
            try require(
                behind.events.isEmpty && behind.isAtEnd && behind.scannedThrough <= scanned,
                "A page behind the head claims to have looked up to \(behind.scannedThrough), head \(scanned)")
        },
        EventStoreLaw("A page takes 1 to the greatest number of events, and another limit is refused") { store in
            try await store.append(facts(3), to: "account-1")
            for limit in [1, 2, Limits.eventsPerPage] {
                let count = min(limit, 3)
                let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: limit)
                try requireEqual(page.events.count, count, "The events of a stream page of \(limit)")
                let log = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: limit)
                try requireEqual(log.events.count, count, "The events of a log page of \(limit)")
                try requireEqual(try await store.streams(after: nil, limit: limit).count, 1, "The streams listed")
            }
            for limit in [0, -1, Int.min, Limits.eventsPerPage + 1, Int.max] {
                try await Self.requireReadError(.invalidLimit(limit), "A stream page of \(limit)") {
                    _ = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: limit)
                }
                try await Self.requireReadError(.invalidLimit(limit), "A log page of \(limit)") {
                    _ = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: limit)
                }
                try await Self.requireReadError(.invalidLimit(limit), "A list of \(limit) streams") {
                    _ = try await store.streams(after: nil, limit: limit)
                }
            }
        },
        EventStoreLaw("Streams are listed in the order in which they came into being") { store in
            let names = (0..<9).map { "s\($0 * 7 % 9)-1".asStream }
            try await store.setRetention(Retention(maxCount: 1), of: "settings-only")
            for name in names { try await store.append(facts(1), to: name) }
            try await store.append(facts(1), to: names[4])
            try await store.delete(names[2])
            try await store.tombstone(names[3])
            try requireEqual(try await store.streams(after: nil, limit: 100), names, "All streams")
            try requireEqual(
                try await store.streams(after: names[3], limit: 2), Array(names[4..<6]), "A page of streams")
            try requireEqual(try await store.streams(after: names[8], limit: 2), [], "The streams after the last")
            try requireEqual(
                try await store.streams(after: "unknown-1", limit: 2), Array(names[..<2]),
                "The streams after an unknown one")
            var request = AppendRequest()
            request.append(facts(1), to: "z-1")
            request.append(facts(1), to: "a-1")
            try await store.append(request)
            try requireEqual(
                try await store.streams(after: names[8], limit: 5), ["z-1", "a-1"],
                "The streams of one append, in its order")
        },
    ]

    private static let emptyStreams: [(StreamName, @Sendable (StreamName, any EventStore) async throws -> Void)] = [
        ("missing-1", { _, _ in }),
        ("settings-1", { stream, store in try await store.setRetention(Retention(maxCount: 2), of: stream) }),
        (
            "truncated-1",
            { stream, store in
                try await store.append(facts(3), to: stream)
                try await store.setRetention(Retention(truncateBefore: 99), of: stream)
            }
        ),
        (
            "deleted-1",
            { stream, store in
                try await store.append(facts(3), to: stream)
                try await store.delete(stream)
            }
        ),
        (
            "tombstoned-1",
            { stream, store in
                try await store.append(facts(3), to: stream)
                try await store.tombstone(stream)
            }
        ),
    ]

    /// Fills two streams in turns, so that positions and versions differ; the last event is the other stream's.
    private static func appendInterleaved(_ count: Int, to store: any EventStore) async throws {
        for number in 0..<count {
            try await store.append([fact(number)], to: "account-1")
            try await store.append(facts(2), to: "account-2")
        }
    }

    static func requireReadError(
        _ expected: ReadError, _ what: String, of read: () async throws -> Void
    ) async throws {
        do { try await read() } catch let error as ReadError {
            try requireEqual(error, expected, "\(what): the error")
            return
        }
        throw LawViolation("\(what) was answered; expected: \(expected)")
    }
}
