import DaybookCore
import Testing

@testable import DaybookServer

@Suite(.timeLimit(.minutes(1))) struct CorrelationIndexTests {
    private static func event(
        _ correlation: String?, type: EventType = "Placed", data: String = "{}"
    ) -> NewEvent {
        let metadata = correlation.map { "{\"$correlationId\":\"\($0)\"}" } ?? "{}"
        return NewEvent(type: type, data: Array(data.utf8), metadata: Array(metadata.utf8))
    }

    private static func open(_ store: InMemoryEventStore) async throws -> (log: KurrentLog, index: CorrelationIndex) {
        let index = CorrelationIndex(store: store)
        return (try await KurrentLog.open(store, correlations: index), index)
    }

    private static func catchUp(_ index: CorrelationIndex) async throws {
        while try await !index.indexPage().isAtEnd {}
    }

    /// Events in turn of `a`, of `b`, and of none: chunks of the index are begun in the middle of appends and of pages.
    private static func fill(_ store: InMemoryEventStore, _ count: Int) async throws {
        for start in stride(from: 0, to: count, by: 50) {
            let events = (start..<min(start + 50, count)).map { event([nil, "a", "a", "b"][$0 % 4]) }
            try await store.append(events, to: StreamName("order-\(start % 7)"))
        }
    }

    private static func expected(_ correlation: String, in store: InMemoryEventStore) async throws -> [RecordedEvent] {
        let metadata = Array("{\"$correlationId\":\"\(correlation)\"}".utf8)
        var found: [RecordedEvent] = []
        for try await event in store.events() where event.metadata.elementsEqual(metadata) { found.append(event) }
        return found
    }

    private static func read(
        _ source: any KurrentSource, from start: KurrentCursor, _ direction: ReadDirection, limit: Int = 500
    ) async throws -> [ResolvedEvent] {
        var events: [ResolvedEvent] = []
        var cursor = start
        while true {
            let page = try await source.page(from: cursor, direction: direction, limit: limit, resolvesLinks: true)
            #expect(page.events.count <= limit)
            events += page.events
            cursor = page.next
            if page.isAtEnd { return events }
        }
    }

    @Test(arguments: [("a", 3), ("a", 500), ("b", 500)])
    func aStreamIsReadInBothDirections(_ correlation: String, _ limit: Int) async throws {
        let store = InMemoryEventStore()
        let (log, index) = try await Self.open(store)
        try await Self.fill(store, 2_300)
        try await Self.catchUp(index)
        let source = try log.source(of: "$bc-\(correlation)")
        let expected = try await Self.expected(correlation, in: store)
        try #require(expected.count > 500)
        let forward = try await Self.read(source, from: .start, .forward, limit: limit)
        #expect(forward.compactMap(\.event?.event) == expected)
        #expect(forward.map(\.original.revision) == Array(0..<Int64(expected.count)))
        #expect(forward.allSatisfy { $0.link?.type == "$>" && $0.link?.stream == "$bc-\(correlation)" })
        let backward = try await Self.read(source, from: .end, .backward, limit: limit)
        #expect(backward.map(\.original.event.id) == forward.reversed().map(\.original.event.id))
        #expect(backward.map(\.original.revision) == forward.reversed().map(\.original.revision))
        #expect(try await source.lastRevision() == Int64(expected.count - 1))
        let last = try await Self.read(source, from: .end, .forward)
        #expect(last.map(\.original.revision) == [Int64(expected.count - 1)])
        let first = try await Self.read(source, from: .start, .backward)
        #expect(first.map(\.original.revision) == [0])
    }

    @Test func aReadBeginsAtAnyRevisionAndBehindAnyPosition() async throws {
        let store = InMemoryEventStore()
        let (log, index) = try await Self.open(store)
        try await Self.fill(store, 1_200)
        try await Self.catchUp(index)
        let source = try log.source(of: "$bc-a")
        let expected = try await Self.expected("a", in: store)
        let count = Int64(expected.count)
        for revision in [0, 1, 254, 255, 256, 257, 511, 512, count - 1, count, count + 9] {
            let forward = try await Self.read(source, from: .revision(revision), .forward)
            #expect(forward.map(\.original.revision) == Array(min(revision, count)..<count))
            let backward = try await Self.read(source, from: .revision(revision), .backward)
            #expect(backward.count == Int(min(revision + 1, count)))
        }
        for position in [Position.start, 1, 2, 3, 600, 601, 1_199, 1_200, Position(.max)] {
            let seen = Int64(expected.count(where: { $0.position <= position }))
            #expect(try await source.following(after: position) == .revision(seen))
        }
        #expect(try await source.following(.end) == .revision(count))
        #expect(try await source.following(.at(4)) == .revision(5))
    }

    @Test func anotherServerGoesOnWhereTheIndexIs() async throws {
        let store = InMemoryEventStore()
        var (log, index) = try await Self.open(store)
        for count in [300, 1, 700] {
            try await Self.fill(store, count)
            try await Self.catchUp(index)
            let events = try await Self.read(log.source(of: "$bc-a"), from: .start, .forward)
            let expected = try await Self.expected("a", in: store)
            #expect(events.compactMap(\.event?.event) == expected)
            (log, index) = try await Self.open(store)
        }
        let step = try await index.indexPage()
        #expect(step.from == step.through && step.isAtEnd && step.keys.isEmpty)
    }

    @Test func whatTwoServersIndexIsThereOnce() async throws {
        let store = InMemoryEventStore()
        let (log, index) = try await Self.open(store)
        let other = CorrelationIndex(store: store)
        try await Self.fill(store, 5_000)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in [index, other] {
                group.addTask {
                    while true {
                        do {
                            if try await index.indexPage().isAtEnd { return }
                        } catch DerivedStateError.checkpointMoved {
                            continue
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let events = try await Self.read(log.source(of: "$bc-b"), from: .start, .forward)
        let expected = try await Self.expected("b", in: store)
        #expect(events.compactMap(\.event?.event) == expected)
    }

    @Test func onlyTextsOfEventsThatAreNoLinksCount() async throws {
        let store = InMemoryEventStore()
        let (log, index) = try await Self.open(store)
        let strange = ["", "[]", "{\"$correlationId\":7}", "{\"$correlationId\":\"a\"", "{\"$correlationId\":\"\"}"]
        try await store.append(
            strange.map { NewEvent(type: "Placed", data: [], metadata: Array($0.utf8)) }
                + [Self.event("a", type: "$>", data: "0@order-1"), Self.event("\u{E9}"), Self.event("e\u{301}")],
            to: "order-1")
        try await Self.catchUp(index)
        #expect(try await Self.read(log.source(of: "$bc-a"), from: .start, .forward).isEmpty)
        #expect(try await Self.read(log.source(of: "$bc-7"), from: .start, .forward).isEmpty)
        for name in ["\u{E9}", "e\u{301}"] {
            #expect(try await Self.read(log.source(of: "$bc-\(name)"), from: .start, .forward).count == 1)
        }
    }

    @Test func followersAreWokenWhenTheIndexHasAnEvent() async throws {
        let store = InMemoryEventStore()
        let (log, index) = try await Self.open(store)
        let signals = StreamSignals(store: store)
        let source = try log.source(of: "$bc-a")
        let interest = signals.interest(in: source.subject)
        let run = Task { await index.run(signals) }
        defer { run.cancel() }
        var cursor = try await source.following(.start)
        var seen: [Int64] = []
        for number in 0..<5 {
            try await store.append([Self.event("b"), Self.event("a")], to: StreamName("order-\(number)"))
            while seen.count <= number {
                let count = interest.count
                let page = try await source.nextPage(at: cursor, limit: 10, resolvesLinks: true)
                seen += page.events.map(\.original.revision)
                cursor = page.next
                if page.isAtEnd, seen.count <= number { try await interest.wait(beyond: count) }
            }
        }
        #expect(seen == [0, 1, 2, 3, 4])
    }

    @Test func withoutTheIndexAStreamIsEmptyAndNobodyWritesIt() async throws {
        let store = InMemoryEventStore()
        let log = try await KurrentLog.open(store)
        try await Self.fill(store, 10)
        let page = try await log.source(of: "$bc-a").page(
            from: .start, direction: .forward, limit: 10, resolvesLinks: true)
        #expect(page.events.isEmpty && page.isAtEnd && !page.isFound)
        await #expect(throws: KurrentFailure.accessDenied) {
            _ = try await log.append([Self.event("a")], to: "$bc-a", expecting: .any)
        }
    }
}
