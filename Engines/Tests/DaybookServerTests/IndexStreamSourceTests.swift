import DaybookCore
import Testing

@testable import DaybookServer

@Suite(.timeLimit(.minutes(1))) struct IndexStreamSourceTests {
    private static func event(_ type: EventType = "Placed") -> NewEvent { NewEvent(type: type, data: Array("{}".utf8)) }

    /// A log of five events in turn: two of orders, one of a stream without a category, one of the system, one of a customer.
    private static func log(rounds: Int, over store: any EventStore = InMemoryEventStore()) async throws -> KurrentLog {
        let log = try await KurrentLog.open(store)
        for round in 0..<rounds { try await append(round, to: store) }
        return log
    }

    private static func append(_ round: Int, to store: any EventStore) async throws {
        try await store.append([event()], to: StreamName("order-\(round % 7)"))
        try await store.append([event("Sent")], to: StreamName("order-\(round % 5)"))
        try await store.append([event()], to: "order")
        try await store.append([event("Odd")], to: "$system-1")
        try await store.append([event("Joined")], to: StreamName("customer-\(round)"))
    }

    /// Every event that a stream should have, by a look at the whole log.
    private static func expected(_ name: String, in log: KurrentLog) async throws -> [RecordedEvent] {
        let stream = try #require(IndexStream(name))
        var found: [RecordedEvent] = []
        for try await event in log.store.events(filter: .all) {
            let isOrder = event.stream.rawValue.utf8.starts(with: "order-".utf8)
            switch stream.content {
            case .category: if isOrder { found.append(event) }
            case .type(let type): if event.type == type { found.append(event) }
            case .streams:
                if event.version == .first, event.stream != "$system-1" { found.append(event) }
            case .streamsOfCategory: if isOrder, event.version == .first { found.append(event) }
            case .correlation, .nothing: break
            }
        }
        return found
    }

    private static let names = ["$ce-order", "$et-Placed", "$et-Odd", "$streams", "$category-order"]

    /// All pages from a cursor on.
    private static func read(
        _ source: any KurrentSource, from cursor: KurrentCursor, _ direction: ReadDirection, limit: Int,
        resolvesLinks: Bool = true
    ) async throws -> [ResolvedEvent] {
        var events: [ResolvedEvent] = []
        var cursor = cursor
        while true {
            let page = try await source.page(
                from: cursor, direction: direction, limit: limit, resolvesLinks: resolvesLinks)
            #expect(page.events.count <= limit)
            events += page.events
            cursor = page.next
            if page.isAtEnd { return events }
        }
    }

    /// The stream with a table that knows nothing yet.
    private static func newSource(of name: String, in log: KurrentLog) throws -> IndexStreamSource {
        let stream = try #require(IndexStream(name))
        return IndexStreamSource(log: log, stream: stream, table: IndexTable(of: stream, in: log.store))
    }

    @Test(arguments: names, [1, 3, 500]) func aStreamIsReadInBothDirections(_ name: String, _ limit: Int) async throws {
        let log = try await Self.log(rounds: 40)
        let source = try log.source(of: name)
        let expected = try await Self.expected(name, in: log)
        try #require(!expected.isEmpty)
        let forward = try await Self.read(source, from: .start, .forward, limit: limit)
        #expect(forward.map(\.original.position) == expected.map(\.position.rawValue))
        #expect(forward.map(\.original.revision) == Array(0..<Int64(expected.count)))
        #expect(forward.map(\.original.stream) == expected.map { _ in name })
        let backward = try await Self.read(source, from: .end, .backward, limit: limit)
        #expect(backward.map(\.original.position) == expected.reversed().map(\.position.rawValue))
        #expect(backward.map(\.original.revision) == (0..<Int64(expected.count)).reversed())
        #expect(backward.map(\.original.event.id) == forward.reversed().map(\.original.event.id))
        #expect(try await source.lastRevision() == Int64(expected.count - 1))
        if name == "$category-order" {
            #expect(forward.map(\.original.type) == expected.map { _ in "$@" })
            #expect(forward.allSatisfy { $0.link == nil })
            let names = forward.map { String(decoding: $0.original.event.data, as: UTF8.self) }
            #expect(names == expected.map(\.stream.rawValue))
        } else {
            #expect(forward.map(\.original.type) == expected.map { _ in "$>" })
            #expect(forward.compactMap(\.event?.event) == expected)
            #expect(forward.compactMap { $0.original.linkTarget?.revision } == expected.map(\.version.rawValue))
            #expect(forward.compactMap { $0.original.linkTarget?.stream } == expected.map(\.stream.rawValue))
        }
    }

    @Test(arguments: names) func aReadBeginsAtAnyRevision(_ name: String) async throws {
        let log = try await Self.log(rounds: 12)
        let count = try await Self.expected(name, in: log).count
        for revision in 0..<count + 2 {
            // Each by a table that knows nothing yet, and by one that knows all.
            let source = try Self.newSource(of: name, in: log)
            for _ in 0..<2 {
                let place = KurrentCursor.revision(Int64(revision))
                let forward = try await Self.read(source, from: place, .forward, limit: 2)
                #expect(forward.map(\.original.revision) == (0..<Int64(count)).filter { $0 >= revision })
                let backward = try await Self.read(source, from: place, .backward, limit: 2)
                #expect(backward.map(\.original.revision) == (0..<Int64(count)).filter { $0 <= revision }.reversed())
            }
        }
        let source = try Self.newSource(of: name, in: log)
        #expect(try await Self.read(source, from: .start, .backward, limit: 5).map(\.original.revision) == [0])
        let last = try await Self.read(source, from: .end, .forward, limit: 5)
        #expect(last.map(\.original.revision) == [Int64(count - 1)])
    }

    @Test(arguments: ["$ce-many", "$et-Placed", "$streams", "$category-many"])
    func revisionsGoOnBeyondAMark(_ name: String) async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        for first in stride(from: 0, to: 2_500, by: 500) {
            let writes = (first..<first + 500).map { number in
                StreamWrite(stream: StreamName(unchecked: "many-\(number)"), action: .append([Self.event()]))
            }
            try await store.append(AppendRequest(writes: writes))
            try await store.append([Self.event("Other")], to: "other", expecting: .any)
        }
        // The stream "other" is one of all streams, behind the first 500.
        let count: Int64 = name == "$streams" ? 2_501 : 2_500
        for revision in [Int64(0), 1, 499, 500, 998, 999, 1_000, 1_001, 1_999, 2_000, 2_001, count - 1] {
            let source = try Self.newSource(of: name, in: log)
            let forward = try await source.page(
                from: .revision(revision), direction: .forward, limit: 3, resolvesLinks: false)
            #expect(forward.events.map(\.original.revision) == Array((revision..<count).prefix(3)))
            let backward = try await source.page(
                from: .revision(revision), direction: .backward, limit: 3, resolvesLinks: false)
            #expect(backward.events.map(\.original.revision) == Array((0...revision).reversed().prefix(3)))
            #expect(backward.events.first?.original.position == forward.events.first?.original.position)
        }
        let all = try await Self.read(log.source(of: name), from: .start, .forward, limit: 500)
        #expect(all.map(\.original.revision) == Array(0..<count))
        for event in [all[0], all[998], all[999], all[1_000], all[2_000], all[all.count - 1]].map(\.original) {
            let cursor = try await Self.newSource(of: name, in: log).following(after: Position(event.position))
            #expect(cursor.previousRevision == event.revision)
        }
    }

    @Test(arguments: names) func whatIsAddedIsReadAtTheEnd(_ name: String) async throws {
        let store = InMemoryEventStore()
        let log = try await Self.log(rounds: 3, over: store)
        let source = try log.source(of: name)
        var cursor = try await source.following(.end)
        var seen = try await Self.expected(name, in: log).count
        #expect(cursor.previousRevision == Int64(seen - 1))
        for round in 3..<12 {
            try await Self.append(round, to: store)
            var events: [ResolvedEvent] = []
            while true {
                let page = try await source.nextPage(at: cursor, limit: 1, resolvesLinks: true)
                events += page.events
                cursor = page.next
                if page.isAtEnd { break }
            }
            let expected = try await Self.expected(name, in: log)
            #expect(events.map(\.original.position) == expected[seen...].map(\.position.rawValue))
            #expect(events.map(\.original.revision) == (seen..<expected.count).map { Int64($0) })
            seen = expected.count
            let end = try await source.page(from: .end, direction: .backward, limit: 1, resolvesLinks: false)
            #expect(end.events.first?.original.revision == Int64(seen - 1))
        }
    }

    @Test func aFollowerWaitsForARevisionThatIsToCome() async throws {
        let store = InMemoryEventStore()
        let source = try await KurrentLog.open(store).source(of: "$ce-order")
        var cursor = try await source.following(.at(2))
        for number in 0..<5 {
            let page = try await source.nextPage(at: cursor, limit: 10, resolvesLinks: false)
            #expect(page.isAtEnd)
            #expect(page.events.map(\.original.revision) == (number > 3 ? [Int64(number - 1)] : []))
            cursor = page.next
            try await store.append([Self.event()], to: "order-1")
        }
    }

    @Test(arguments: names + ["order-1", "$system-1"])
    func aFollowerGoesOnBehindAPosition(_ name: String) async throws {
        let log = try await Self.log(rounds: 12)
        let all = try await Self.read(log.source(of: name), from: .start, .forward, limit: 500)
        for position in Int64(0)...60 {
            var sources = [try log.source(of: name)]
            if IndexStream.isName(name) { sources.append(try Self.newSource(of: name, in: log)) }
            for source in sources {
                let cursor = try await source.following(after: Position(position))
                let page = try await source.nextPage(at: cursor, limit: 500, resolvesLinks: true)
                let expected = all.filter { $0.original.position > position }
                #expect(page.events.map(\.original.position) == expected.map(\.original.position))
                #expect(page.events.map(\.original.revision) == expected.map(\.original.revision))
            }
        }
    }

    @Test func anEventThatItsStreamHidesLeavesTheLink() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        for number in 0..<4 { _ = try await log.append([Self.event()], to: "order-\(number % 2)", expecting: .any) }
        _ = try await log.append([Self.event()], to: "order-2", expecting: .any)
        for expected in [KurrentExpectation.noStream, .revision(0)] {
            let metadata = NewEvent(type: "$metadata", data: Array(#"{"$maxCount":1}"#.utf8))
            _ = try await log.append([metadata], to: "$$order-0", expecting: expected)
        }
        _ = try await log.tombstone("order-2", expecting: .any)
        let events = try await Self.read(log.source(of: "$ce-order"), from: .start, .forward, limit: 10)
        #expect(events.map { $0.event != nil } == [false, true, true, true, false])
        #expect(events.allSatisfy { $0.link != nil })
        // Of metadata only the last event is shown; it is linked to under the name that clients know.
        let changes = try await Self.read(log.source(of: "$et-$metadata"), from: .start, .forward, limit: 10)
        #expect(changes.compactMap { $0.original.linkTarget?.stream } == ["$$order-0", "$$order-0"])
        #expect(changes.map { $0.event?.revision } == [nil, 1])
    }

    @Test func aLinkIsCopied() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        _ = try await log.append([Self.event()], to: "order-1", expecting: .any)
        let link = NewEvent(type: "$>", contentType: .bytes, data: Array("0@order-1".utf8))
        _ = try await log.append([link], to: "basket-1", expecting: .any)
        let events = try await Self.read(log.source(of: "$ce-basket"), from: .start, .forward, limit: 10)
        #expect(events.compactMap { $0.original.linkTarget?.stream } == ["order-1"])
        #expect(events.map { $0.event?.stream } == ["order-1"])
    }

    @Test func thereIsNoStreamWithoutEvents() async throws {
        let log = try await Self.log(rounds: 1)
        for name in ["$ce-other", "$ce-a-b", "$ce-$system", "$et-Other", "$category-other", "$category-$system"] {
            let source = try log.source(of: name)
            for direction in [ReadDirection.forward, .backward] {
                for cursor in [KurrentCursor.start, .end, .revision(0), .revision(5)] {
                    let page = try await source.page(from: cursor, direction: direction, limit: 5, resolvesLinks: true)
                    #expect(!page.isFound && page.isAtEnd && page.events.isEmpty, "\(name) \(direction) \(cursor)")
                }
            }
            #expect(try await source.lastRevision() == nil)
        }
        let beyond = try await log.source(of: "$ce-order").page(
            from: .revision(50), direction: .forward, limit: 5, resolvesLinks: true)
        #expect(beyond.isFound && beyond.isAtEnd && beyond.events.isEmpty)
    }

    @Test(arguments: ["$streams", "$ce-order", "$et-Placed", "$category-order", "$ce-a-b", "$et-"])
    func nobodyWritesIt(_ name: String) async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        await #expect(throws: KurrentFailure.accessDenied) {
            try await log.append([Self.event()], to: name, expecting: .any)
        }
        await #expect(throws: KurrentFailure.accessDenied) { try await log.append([], to: name, expecting: .any) }
        await #expect(throws: KurrentFailure.accessDenied) { try await log.delete(name, expecting: .any) }
        await #expect(throws: KurrentFailure.accessDenied) { try await log.tombstone(name, expecting: .any) }
    }
}
