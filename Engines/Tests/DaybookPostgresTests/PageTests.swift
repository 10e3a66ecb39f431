import DaybookCore
import DaybookPostgres
import StoreTrials
import Testing

@Suite("A page read from PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct PageTests {
    /// Small events, and among them so many large ones that a page of rows could bring gigabytes.
    @Test("has as many bytes as it may, and none is left out between two", arguments: [7, 500, 10_000])
    func bytes(limit: Int) async throws {
        try await Server.withStore { store in
            var ids: [EventID] = []
            for round in 0..<2 {
                let small = (0..<400).map { _ in NewEvent(type: "small", data: [1]) }
                let large = (0..<14).map { _ in
                    NewEvent(type: "large", data: [UInt8](repeating: 7, count: Limits.eventBytes))
                }
                try await store.append(small + large, to: "mixed-1")
                if round == 0 { try await store.setRetention(.unlimited, of: "mixed-1") }
                ids += (small + large).map(\.id)
            }
            func expectPage(_ events: [RecordedEvent]) {
                let size = events.reduce(0) { $0 + $1.data.count + $1.metadata.count }
                #expect(size < Limits.pageBytes + Limits.eventBytes && events.count <= limit && !events.isEmpty)
            }
            for direction in [ReadDirection.forward, .backward] {
                var found: [EventID] = []
                var next = direction == .forward ? StreamCursor.start : .end
                while true {
                    let page = try await store.readPage(of: "mixed-1", from: next, direction: direction, limit: limit)
                    expectPage(page.events)
                    found += page.events.map(\.id)
                    guard !page.isAtEnd, let last = page.events.last else { break }
                    next = .version(last.version.advanced(by: direction == .forward ? 1 : -1))
                }
                #expect(found == (direction == .forward ? ids : ids.reversed()), "the stream, \(direction)")
                for filter in [
                    EventFilter.all, EventFilter(categories: ["mixed"]), EventFilter(typePrefixes: ["s", "l"]),
                ] {
                    var found: [EventID] = []
                    var next = direction == .forward ? LogCursor.start : .end
                    while true {
                        let page = try await store.readPage(
                            from: next, direction: direction, filter: filter, limit: limit)
                        if !page.isAtEnd { expectPage(page.events) }
                        found += page.events.map(\.id)
                        if page.isAtEnd { break }
                        next = .position(
                            direction == .forward ? page.scannedThrough.next : page.scannedThrough.previous)
                    }
                    #expect(found == (direction == .forward ? ids : ids.reversed()), "the log, \(direction), \(filter)")
                }
            }
        }
    }

    /// The page is cut where large events would be too many bytes, and what was recorded while it was read makes it so long.
    @Test("does not say that it is at the end when what was recorded meanwhile is left out of it")
    func recordedMeanwhile() async throws {
        try await Server.withSchema { schema in
            let store = try await Server.open(schema)
            try await store.append(
                [NewEvent(type: "large", data: [UInt8](repeating: 7, count: 1 << 16))], to: "account-1")
            let reading = try await Server.withLock(on: "\(schema).largest_event") {
                // The head is told, and what stands behind it is waited for.
                let reading = Task {
                    try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1_000)
                }
                try await eventually("the page is waited for") {
                    try Server.sql(
                        """
                        SELECT count(*) > 0 FROM pg_locks
                        WHERE NOT granted AND relation = '\(schema).largest_event'::regclass
                        """) == [["t"]]
                }
                try await store.append((0..<200).map { _ in NewEvent(type: "small", data: [1]) }, to: "account-1")
                return reading
            }
            let page = try await reading.value
            #expect(page.events.map(\.position) == (1...201).map { Position($0) } && page.isAtEnd)
            await store.close()
        }
    }

    @Test("that was read ahead for one prefix is given to no reader of another that is equal but for its bytes")
    func prefixes() async throws {
        try await Server.withStore { store in
            let (one, two) = ("caf\u{e9}", "cafe\u{301}")
            for prefix in [one, one, one, two, one] {
                try await store.append([NewEvent(type: "happened", data: [])], to: try StreamName("\(prefix)-1"))
            }
            func positions(_ prefix: String, from position: Position) async throws -> [Position] {
                try await store.readPage(
                    from: .position(position), direction: .forward, filter: EventFilter(streamPrefixes: [prefix]),
                    limit: 1
                ).events.map(\.position)
            }
            // Whoever asks for two in a row is read ahead for.
            #expect(try await positions(one, from: 1) == [1])
            #expect(try await positions(one, from: 2) == [2])
            #expect(try await positions(two, from: 3) == [4])
        }
    }
}
