import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import GRDB
import Synchronization
import Testing

@testable import FollowUntilKilled

@Suite("An SQL projection")
struct SQLProjectionTests {
    struct Unwanted: Error {}

    @Test(
        "equals the fold of the log, however it is cut into batches and runs", arguments: TestDatabase.all,
        TestSeeds.first(5))
    func equalsFold(_ kind: TestDatabase, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        for round in 0..<5 {
            try await store.fillLedger(40, using: &generator)
            let size = Int.random(in: 1...60, using: &generator)
            let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database, batchSize: size)
            let reached = try await runner.catchUp()
            let stored = try await LedgerTable.stored(in: database)
            #expect(try await reached == store.head() && stored.position == reached, "seed \(seed)")
            #expect(try await stored.table == LedgerTable.folded(store), "seed \(seed), round \(round)")
            #expect(try await runner.lag() == 0)
            #expect(try await runner.position() == reached)
        }
    }

    @Test("that is run serves one's own writes", arguments: TestDatabase.all)
    func live(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            for amount in 1...30 {
                let result = try await store.record(AccountEvent.deposited(amount: amount), in: "account-1")
                try await runner.wait(for: result.position)
                let balance = try await database.read { db in
                    try Int.fetchOne(db, sql: "SELECT amount FROM balances WHERE account = 'account-1'")
                }
                #expect(balance == amount * (amount + 1) / 2)
            }
            let other = try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
            try await runner.wait(for: other.position)
            group.cancelAll()
        }
    }

    @Test("stops before an event that it refuses, and goes on when that is mended", arguments: TestDatabase.all)
    func poison(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 2), in: "account-1")
        try await store.record(TransferEvent.sent(from: "account-1", to: "account-2", amount: 3), in: "transfer-1")
        try await store.record(AccountEvent.deposited(amount: 4), in: "account-2")
        var broken = Ledger()
        broken.beforeStatement = { recorded, db in
            // Refused half way, so that what was done for the event must be undone.
            guard recorded.position == 3 else { return }
            if try Int.fetchOne(db, sql: "SELECT count(*) FROM entries WHERE position = 3") == 1 { throw Unwanted() }
        }
        for _ in 0..<2 {
            let stuck = try await SQLProjectionRunner(broken, of: store, in: database)
            do throws(ProjectionError) {
                try await stuck.run()
                Issue.record("went on")
            } catch {
                guard case .failed(let place, let reason) = error else { throw error }
                #expect(place.position == 3 && place.type == "transfer.sent" && place.stream == "transfer-1")
                #expect(reason.contains("Unwanted"))
            }
            let stored = try await LedgerTable.stored(in: database)
            #expect(stored.position == 2)
            #expect(try await stored.table == LedgerTable.folded(store, through: 2))
            await #expect(throws: ReadModelError.self) { try await stuck.wait(for: 3) }
        }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test(
        "stops before an event whose rows break a constraint, whenever SQLite checks it",
        arguments: [
            "CHECK (amount <> 13)", "CHECK (amount <> 13) ON CONFLICT ROLLBACK",
            "REFERENCES allowed (amount) DEFERRABLE INITIALLY DEFERRED",
        ])
    func constraint(_ constraint: String) async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        for amount in 1...20 {
            try await store.record(AccountEvent.deposited(amount: amount), in: "account-1")
        }
        let runner = try await SQLProjectionRunner(
            Amounts(constraint: constraint), of: store, in: database)
        do throws(ProjectionError) {
            try await runner.catchUp()
            Issue.record("went on")
        } catch {
            guard case .failed(let place, let reason) = error else { throw error }
            #expect(place.position == 13)
            #expect(reason.contains("constraint"))
        }
        let amounts = try await database.read {
            try Int.fetchAll($0, sql: "SELECT amount FROM amounts ORDER BY amount")
        }
        #expect(amounts == Array(1...12))
        #expect(try await runner.position() == 12)
    }

    @Test("stops before an event that it cannot read")
    func undecodable() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-1")
        let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        do throws(ProjectionError) {
            try await runner.catchUp()
            Issue.record("skipped an event")
        } catch {
            guard case .undecodable(let reason) = error else { throw error }
            #expect(reason.position == 2 && reason.type == "account.frozen")
        }
        let stored = try await LedgerTable.stored(in: database)
        #expect(stored.position == 1)
        #expect(stored.table.balances == ["account-1": 1])
    }

    @Test("says so when its own code ends the transaction")
    func endsTransaction() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.closed, in: "account-1")
        var broken = Ledger()
        broken.beforeStatement = { _, db in try db.execute(sql: "COMMIT") }
        let runner = try await SQLProjectionRunner(broken, of: store, in: database)
        do throws(ProjectionError) {
            try await runner.catchUp()
            Issue.record("went on")
        } catch {
            guard case .failed(let place, _) = error else { throw error }
            #expect(place.position == 1)
        }
        #expect(try await runner.position() == .start)
    }

    @Test("notices another runner on its read model", arguments: TestDatabase.all)
    func twoRunners(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let rival = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        let hooked = HookedStore(base: store) { _ = try? await rival.catchUp() }
        let runner = try await SQLProjectionRunner(Ledger(), of: hooked, in: database)
        let error = await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
        #expect(error == .store(.checkpointMoved(model: "ledger-1", expected: .start, actual: 1)))
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test("notices that its read model was deleted, and a new runner builds it again")
    func deleted() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database)
        try await runner.catchUp()
        for _ in 0..<2 { try await Ledger().deleteReadModel(from: database) }
        #expect(try await database.read { try !$0.tableExists("balances") && !$0.tableExists("entries") })
        #expect(try await runner.position() == .start)
        #expect(try await runner.lag() == 1)
        let error = await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
        #expect(error?.description.contains("'ledger-1' was deleted") == true)
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test("saves a checkpoint that only foreign events have moved after a while, and not for each")
    func foreignEvents() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        let commits = CommitCounter()
        database.add(transactionObserver: commits, extent: .databaseLifetime)
        let patient = try await SQLProjectionRunner(Ledger(), of: store, in: database, saveInterval: .seconds(3600))
        let before = commits.count
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await patient.run() }
            for _ in 0..<100 {
                let result = try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
                try await patient.wait(for: result.position)
            }
            #expect(commits.count == before)
            group.cancelAll()
        }
        let (saved, signal) = AsyncStream<Void>.makeStream()
        commits.onCommit { signal.yield() }
        let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database, clock: LeapingClock())
        let running = Task { try await runner.run() }
        for await _ in saved where try await LedgerTable.stored(in: database).position == 100 { break }
        running.cancel()
        try await running.value
    }

    @Test("ends with its task and leaves nothing half done; a cancelled wait says so", arguments: TestDatabase.all)
    func cancellation(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        var generator = SplitMix64(seed: 1)
        try await store.fillLedger(50, using: &generator)
        let (started, signal) = AsyncStream<Void>.makeStream()
        var slow = Ledger()
        slow.beforeStatement = { recorded, _ in if recorded.position == 20 { signal.yield() } }
        let runner = try await SQLProjectionRunner(slow, of: store, in: database, batchSize: 3)
        let running = Task { try await runner.run() }
        for await _ in started { break }
        running.cancel()
        try await running.value
        let stored = try await LedgerTable.stored(in: database)
        #expect(try await stored.table == LedgerTable.folded(store, through: stored.position))
        let waiting = Task { try await runner.wait(for: 1_000) }
        waiting.cancel()
        await #expect(throws: ReadModelError.cancelled) { try await waiting.value }
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test("builds its next version beside it, resumes when interrupted, and queries change over in one step")
    func rebuild() async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        var generator = SplitMix64(seed: 7)
        try await store.fillLedger(100, using: &generator)
        try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp()
        try await database.write { try $0.execute(sql: "CREATE VIEW current AS SELECT * FROM balances") }

        let stopAt = try Position(await store.head().rawValue / 2)
        var next = Ledger(name: "ledger-2", suffix: "_2")
        next.beforeStatement = { recorded, _ in if recorded.position > stopAt { throw Unwanted() } }
        let interrupted = try await SQLProjectionRunner(next, of: store, in: database, batchSize: 10)
        await #expect(throws: ProjectionError.self) { try await interrupted.catchUp() }
        let half = try await LedgerTable.stored(in: database, suffix: "_2", model: "ledger-2").position
        #expect(half > 1)
        next.beforeStatement = { recorded, _ in if recorded.position <= half { throw Unwanted() } }
        try await SQLProjectionRunner(next, of: store, in: database).catchUp()
        let stored = try await LedgerTable.stored(in: database, suffix: "_2", model: "ledger-2")
        #expect(try await stored.table == LedgerTable.folded(store))

        try await database.write { db in
            try db.execute(sql: "DROP VIEW current; CREATE VIEW current AS SELECT * FROM balances_2")
        }
        try await Ledger().deleteReadModel(from: database)
        let count = try await database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM current") }
        #expect(count == stored.table.balances.count)
    }
}

/// Counts the transactions of a database.
private final class CommitCounter: TransactionObserver, Sendable {
    private let state = Mutex((count: 0, onCommit: { @Sendable () -> Void in }))

    var count: Int { state.withLock(\.count) }

    func onCommit(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.onCommit = action } }

    func observes(eventsOfKind eventKind: DatabaseEventKind) -> Bool { true }
    func databaseDidChange(with event: DatabaseEvent) {}
    func databaseDidRollback(_ db: Database) {}
    func databaseDidCommit(_ db: Database) {
        let action = state.withLock { state in
            state.count += 1
            return state.onCommit
        }
        action()
    }
}
