import DaybookCore
import DaybookPostgres
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
}
