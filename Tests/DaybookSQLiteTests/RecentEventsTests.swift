import CSQLite
import DaybookCore
import DaybookTesting
import Testing

@testable import DaybookSQLite

@Suite("Events that were committed last, in memory", .timeLimit(.minutes(5)))
struct RecentEventsTests {
    /// Waits for the head as a subscriber does, until the store is closed.
    private func follow(_ store: SQLiteEventStore) {
        let signal = store.signal
        Task {
            var head = signal.head
            while let next = try? await signal.wait(beyond: head) { head = next.rawValue }
        }
    }

    private func untilFollowed(_ store: SQLiteEventStore) async throws {
        while !store.signal.isAwaited { try await Task.sleep(for: .milliseconds(1)) }
    }

    @Test("are what the model says", arguments: TestSeeds.first(30))
    func model(seed: UInt64) async throws {
        let time = DrivenTime()
        var configuration = SQLiteEventStore.Configuration()
        configuration.time = time.source
        let folder = try TemporaryFolder()
        try await EventStoreModelTest(seed: seed, steps: 60, time: time).run {
            let store = try await SQLiteEventStore.open(
                folder.path("\(EventID()).daybook"), configuration: configuration)
            follow(store)
            return store
        } reopen: { store in
            let store = try #require(store as? SQLiteEventStore)
            await store.close()
            let again = try await SQLiteEventStore.open(store.path, configuration: configuration)
            follow(again)
            return again
        }
    }

    @Test("make the same pages as the file, whatever is asked for")
    func samePages() async throws {
        let store = try await SQLiteEventStore.temporary()
        follow(store)
        try await untilFollowed(store)
        for number in 0..<40 {
            var events = (0...(number % 3)).map {
                NewEvent(type: $0 == 1 ? "second" : "first", data: [UInt8(number)], metadata: [UInt8($0), 2])
            }
            events[0].tags = [Tag(unchecked: "a:\(number % 4)"), "b:1", Tag(unchecked: "a:\(number % 4)")]
            try await store.append(
                events, to: StreamName(unchecked: "\(number % 2 == 0 ? "even" : "odd")-\(number % 5)"))
            if number % 10 == 9 {
                try await store.setRetention(Retention(maxCount: 3), of: "odd-1")
            }
        }
        let head = try await store.head().rawValue
        let filters: [EventFilter] = [
            .all, .everything, EventFilter(categories: ["even"]), EventFilter(streamPrefixes: ["odd-1"]),
            EventFilter(types: ["second"]), EventFilter(typePrefixes: ["fi"]), EventFilter(tags: ["a:2", "b:1"]),
            EventFilter(query: EventQuery(types: ["first"], tags: ["a:1"])), EventFilter(categories: ["nobody"]),
        ]
        var fromMemory: [LogPage] = []
        let cases = filters.flatMap { filter in
            (1...head).flatMap { position in [1, 7, 1000].map { (filter, position, $0) } }
        }
        for (filter, position, limit) in cases {
            fromMemory.append(
                try #require(store.recent.page(from: position, filter: filter, limit: limit, head: head)))
        }
        #expect(store.recent.page(from: head + 1, filter: .all, limit: 1, head: head) == nil)
        store.recent.removeAll()
        for ((filter, position, limit), page) in zip(cases, fromMemory) {
            let read = try await store.readPage(
                from: .position(Position(position)), direction: .forward, filter: filter, limit: limit)
            // From an index a reader may look further than from the log; what it finds is the same.
            #expect(page.events == read.events && page.isAtEnd == read.isAtEnd, "\(filter) from \(position), \(limit)")
        }
        await store.close()
    }

    @Test("hold so many and no more, and nothing that lies before a gap")
    func bounds() throws {
        func events(_ positions: ClosedRange<Int64>, bytes: Int = 1) -> [RecordedEvent] {
            positions.map {
                RecordedEvent(
                    id: EventID(), type: "t", schemaVersion: 1, contentType: .json,
                    data: Array(repeating: 0, count: bytes)[...], metadata: [], tags: [], stream: "s-1",
                    version: StreamVersion($0), position: Position($0), recordedAt: Timestamp(microseconds: 0))
            }
        }
        func first(_ recent: RecentEvents, head: Int64) -> Int64? {
            (1...head).first { recent.page(from: $0, filter: .all, limit: 10, head: head) != nil }
        }
        let recent = RecentEvents()
        recent.add(events(1...300), through: 300)
        recent.add(events(301...500), through: 500)
        #expect(first(recent, head: 500) == 1)
        recent.add(events(501...600), through: 600)
        #expect(first(recent, head: 600) == 345)
        recent.add(events(601...601, bytes: RecentEvents.mostBytes), through: 601)
        #expect(first(recent, head: 601) == 601)
        recent.add(events(602...602), through: 602)
        #expect(first(recent, head: 602) == 602)
        #expect(recent.page(from: 602, filter: .all, limit: 9, head: 601) == nil, "Not told of yet.")
        recent.add([], through: 602)
        #expect(first(recent, head: 602) == 602, "A transaction without events.")
        recent.add([], through: 605)
        #expect(first(recent, head: 605) == nil, "Events that were not kept.")
        recent.add(events(700...701), through: 701)
        recent.add(events(705...706), through: 706)
        #expect(first(recent, head: 706) == 705)
        recent.add(events(707...708), through: 709)
        #expect(first(recent, head: 709) == nil, "Not up to the end.")
    }

    @Test("are none that were refused, or not committed")
    func rolledBack() async throws {
        let disk = try FaultyDisk()
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.inlineReadModels = [Refuser()]
        let directory = try TemporaryDirectory()
        let store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: configuration)
        follow(store)
        try await untilFollowed(store)
        try await store.append([NewEvent(type: "first", data: [])], to: "s-1")
        await #expect(throws: AppendError.self) {
            try await store.append(
                [NewEvent(type: "second", data: []), NewEvent(type: "refused", data: [])], to: "s-1")
        }
        try await store.append([NewEvent(type: "third", data: [])], to: "s-1")
        var page = try #require(store.recent.page(from: 1, filter: .all, limit: 9, head: 2))
        #expect(page.events.map(\.type) == ["first", "third"] && page.events.map(\.position) == [1, 2])
        disk.breakCall(.write, of: "-wal", result: SQLITE_FULL)
        await #expect(throws: AppendError.self) {
            try await store.append([NewEvent(type: "fourth", data: [])], to: "s-1")
        }
        try await store.append([NewEvent(type: "fifth", data: [])], to: "s-1")
        page = try #require(store.recent.page(from: 1, filter: .all, limit: 9, head: 3))
        #expect(page.events.map(\.type) == ["first", "third", "fifth"])
        await store.close()
    }

    @Test("are gone when scavenging may have removed some, and when the store is closed")
    func forgotten() async throws {
        let store = try await SQLiteEventStore.temporary()
        follow(store)
        try await untilFollowed(store)
        for number in 0..<10 { try await store.append([NewEvent(type: "t", data: [UInt8(number)])], to: "s-1") }
        try await store.setRetention(Retention(truncateBefore: 8), of: "s-1")
        #expect(store.recent.page(from: 1, filter: .all, limit: 99, head: 11)?.events.count == 10)
        _ = try await store.scavenge()
        #expect(try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 99).events.count == 2)
        #expect(store.recent.page(from: 1, filter: .all, limit: 99, head: 11) == nil)
        try await store.append([NewEvent(type: "t", data: [])], to: "s-1")
        await store.close()
        #expect(store.recent.page(from: 12, filter: .all, limit: 99, head: 12) == nil)
        await #expect(throws: ReadError.closed) {
            try await store.readPage(from: .position(12), direction: .forward, filter: .all, limit: 1)
        }
    }
}

private struct Refuser: InlineReadModel {
    struct Refusal: Error {}

    let name: ReadModelName = "refuser"
    let filter = EventFilter.all

    func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws {
        if events.contains(where: { $0.type == "refused" }) { throw Refusal() }
    }
}
