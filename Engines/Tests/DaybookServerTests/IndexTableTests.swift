import DaybookCore
import Testing

@testable import DaybookServer

@Suite(.timeLimit(.minutes(1))) struct IndexTableTests {
    private static func table(of name: String, in store: any EventStore) throws -> IndexTable {
        IndexTable(of: try #require(IndexStream(name)), in: store)
    }

    private static func fill(_ store: any EventStore, _ count: Int) async throws {
        let events = (0..<count).map { _ in NewEvent(type: "Placed", data: []) }
        try await store.append(events, to: "order-1")
    }

    @Test func theLogIsReadOnceForAll() async throws {
        let store = WatchedStore()
        try await Self.fill(store, 5_500)
        let table = try Self.table(of: "$ce-order", in: store)
        try await withThrowingTaskGroup(of: Int64.self) { group in
            for number in 0..<64 {
                group.addTask {
                    if number % 2 == 0 { return try await table.end().count }
                    return try await table.place(of: 5_200)?.ordinal ?? -1
                }
            }
            for try await answer in group { #expect(answer == 5_500 || answer == 5_000) }
        }
        #expect(store.eventsRead == 5_500)
        try await Self.fill(store, 10)
        #expect(try await table.end().count == 5_510)
        #expect(store.eventsRead == 5_510)
    }

    @Test func noMoreIsReadThanIsNeeded() async throws {
        let store = WatchedStore()
        try await Self.fill(store, 5_500)
        let table = try Self.table(of: "$ce-order", in: store)
        let place = try await table.place(of: 1_500)
        #expect(place?.ordinal == 1_000)
        #expect(place?.position == 1_001)
        #expect(store.eventsRead < 3_000)
        let next = try await table.place(of: 5_500)
        #expect(next?.ordinal == 5_500)
        #expect(next?.position == 5_501)
        let later = try await table.place(of: 5_501)
        #expect(later?.ordinal == nil)
    }

    @Test func anotherGoesOnWhenTheOneThatReadsIsCancelled() async throws {
        let store = WatchedStore(holdsFirstPage: true)
        try await Self.fill(store, 2_500)
        let table = try Self.table(of: "$ce-order", in: store)
        let first = Task { try await table.end().count }
        await store.waitForReader()
        let others = (0..<8).map { _ in Task { try await table.end().count } }
        first.cancel()
        await #expect(throws: (any Error).self) { try await first.value }
        for other in others { #expect(try await other.value == 2_500) }
        #expect(store.eventsRead == 2_500)
    }

    @Test func oneThatWaitsMayGo() async throws {
        let store = WatchedStore(holdsFirstPage: true)
        try await Self.fill(store, 1_500)
        let table = try Self.table(of: "$ce-order", in: store)
        let first = Task { try await table.end().count }
        await store.waitForReader()
        let other = Task { try await table.end().count }
        other.cancel()
        await #expect(throws: (any Error).self) { try await other.value }
        store.release()
        #expect(try await first.value == 1_500)
    }

    @Test func whatWasAppendedBeforeACallIsSeenByIt() async throws {
        let store = WatchedStore()
        let table = try Self.table(of: "$streams", in: store)
        for number in 0..<200 {
            async let other = table.end().count
            try await store.append([NewEvent(type: "Placed", data: [])], to: StreamName("order-\(number)"))
            #expect(try await table.end().count == Int64(number + 1))
            _ = try await other
        }
        #expect(store.eventsRead == 200)
    }

    @Test func emptyTablesGoFirstAndThenThoseNotAskedForLately() async throws {
        let store = WatchedStore()
        try await Self.fill(store, 10)
        let tables = IndexTables(store: store, capacity: 3)
        func table(_ name: String) throws -> IndexTable { tables.table(of: try #require(IndexStream(name))) }
        let orders = try table("$ce-order")
        let placed = try table("$et-Placed")
        #expect(try await orders.end().count == 10)
        #expect(try await placed.end().count == 10)
        for number in 0..<10 { _ = try table("$ce-nobody\(number)") }
        #expect(try table("$ce-order") === orders)
        #expect(try table("$et-Placed") === placed)
        let streams = try table("$streams")
        #expect(try await streams.end().count == 1)
        _ = try table("$ce-order")
        _ = try table("$ce-another")  // There are three with events: the one not asked for longest goes.
        #expect(try table("$ce-order") === orders)
        #expect(try table("$streams") === streams)
        #expect(try table("$et-Placed") !== placed)
    }

    /// Else reads of one stream would number its events in two ways until the server is started again.
    @Test func scavengingBeginsTablesAnew() async throws {
        let log = try await KurrentLog.open(InMemoryEventStore())
        let orders = try #require(IndexStream("$ce-order"))
        let before = log.indexTables.table(of: orders)
        try await log.scavenge {}
        let after = log.indexTables.table(of: orders)
        #expect(after !== before)
        await #expect(throws: CancellationError.self) { try await log.scavenge { throw CancellationError() } }
        #expect(log.indexTables.table(of: orders) !== after)
    }
}
