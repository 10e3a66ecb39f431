import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import GRDB
import Synchronization
import Testing

@testable import FollowUntilKilled

@Suite("An SQL projection that parks keys")
struct SQLParkingTests {
    struct Unwanted: Error {}

    private func runner(
        _ ledger: Ledger, _ store: any EventStore, _ database: any DatabaseWriter, limit: Int = 100,
        batchSize: Int = 500
    ) async throws -> SQLProjectionRunner<Ledger> {
        try await SQLProjectionRunner(
            ledger, of: store, in: database, batchSize: batchSize,
            failurePolicy: limit == 0 ? .stop : .parkKeys(limit: limit))
    }

    private func balance(_ account: String, _ database: any DatabaseReader) async throws -> Int? {
        try await database.read {
            try Int.fetchOne($0, sql: "SELECT amount FROM balances WHERE account = ?", arguments: [account])
        }
    }

    @Test("goes on for all others, and takes up what was missed in order", arguments: TestDatabase.all)
    func parks(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 2), in: "account-2")
        try await store.record(AccountEvent.deposited(amount: 10), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 4), in: "account-3")
        // Waits for the first account, and so parks the third.
        try await store.record(TransferEvent.sent(from: "account-1", to: "account-3", amount: 5), in: "transfer-1")
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-3")
        try await store.record(AccountEvent.deposited(amount: 3), in: "account-2")
        var broken = Ledger()
        broken.beforeStatement = { recorded, db in
            // Refused half way, so that what was done for the event must be undone.
            guard recorded.position == 3 else { return }
            if try Int.fetchOne(db, sql: "SELECT count(*) FROM entries WHERE position = 3") == 1 { throw Unwanted() }
        }
        let stuck = try await runner(broken, store, database)
        #expect(try await stuck.catchUp() == 7)
        let parked = try await stuck.parkedKeys()
        #expect(parked.map(\.key) == ["account-1", "account-3"] && parked.map(\.position) == [3, 5])
        #expect(parked[0].reason.contains("Unwanted") && parked[1].reason.contains("'account-1'"))
        #expect(try await balance("account-1", database) == 1)
        #expect(try await balance("account-2", database) == 5)
        #expect(try await balance("account-3", database) == 4)

        // Another process, another policy: what waits goes on waiting.
        try await store.record(AccountEvent.deposited(amount: 7), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 8), in: "account-2")
        #expect(try await runner(broken, store, database, limit: 0).catchUp() == 9)
        #expect(try await balance("account-1", database) == 1)
        // It fails again: nothing is lost.
        #expect(try await stuck.resumeParkedKeys().map(\.key) == ["account-1", "account-3"])
        #expect(try await balance("account-1", database) == 1)

        let mended = try await runner(Ledger(), store, database)
        #expect(try await mended.resumeParkedKeys().isEmpty)
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
        #expect(try await mended.parkedKeys().isEmpty)
        #expect(try await mended.resumeParkedKeys().isEmpty)
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await mended.catchUp()
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test(
        "ends with the fold of the log, whatever fails, in whatever batches, and whenever it is resumed",
        arguments: TestDatabase.all, TestSeeds.first(6))
    func random(_ kind: TestDatabase, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        var parkedKeys = 0
        for _ in 0..<6 {
            try await store.fillLedger(40, using: &generator)
            let broken = Set((0..<4).map { _ in Int64.random(in: 1...60, using: &generator) })
            var ledger = Ledger()
            ledger.beforeStatement = { recorded, _ in
                if broken.contains(recorded.position.rawValue % 60) { throw Unwanted() }
            }
            let size = Int.random(in: 1...60, using: &generator)
            let failing = try await runner(ledger, store, database, batchSize: size)
            try await failing.catchUp()
            parkedKeys += try await failing.parkedKeys().count
            if generator.oneIn(2) {
                // Others are broken now than before.
                _ = try await failing.resumeParkedKeys()
                let stored = try await LedgerTable.stored(in: database).table
                let parked = try await failing.parkedKeys().map(\.key)
                let folded = try await LedgerTable.folded(store)
                for account in (0..<5).map({ "account-\($0)" }) where !parked.contains(account) {
                    #expect(stored.balances[account] == folded.balances[account], "seed \(seed), \(account)")
                }
            }
        }
        #expect(parkedKeys > 0, "seed \(seed)")
        let size = Int.random(in: 1...60, using: &generator)
        let mended = try await runner(Ledger(), store, database, batchSize: size)
        #expect(try await mended.resumeParkedKeys().isEmpty)
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store), "seed \(seed)")
    }

    @Test(
        "parks the key of an event whose rows break a constraint, whenever SQLite checks it",
        arguments: [
            "CHECK (amount <> 13)", "CHECK (amount <> 13) ON CONFLICT ROLLBACK",
            "REFERENCES allowed (amount) DEFERRABLE INITIALLY DEFERRED",
        ])
    func constraint(_ constraint: String) async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        for amount in 1...20 {
            try await store.record(AccountEvent.deposited(amount: amount), in: "account-\(amount % 2)")
        }
        let runner = try await SQLProjectionRunner(
            Amounts(constraint: constraint), of: store, in: database, failurePolicy: .parkKeys())
        try await runner.catchUp()
        #expect(try await amounts(database) == Array(1...12) + [14, 16, 18, 20])
        #expect(try await runner.parkedKeys().map(\.position) == [13])
        #expect(try await runner.resumeParkedKeys().map(\.position) == [13])
        #expect(try await amounts(database) == Array(1...12) + [14, 16, 18, 20])
        // What stood in the way goes.
        try await database.write { db in
            try db.execute(sql: "INSERT OR IGNORE INTO allowed VALUES (13)")
            try db.execute(sql: "PRAGMA ignore_check_constraints = true")
        }
        let mended = try await SQLProjectionRunner(
            Amounts(constraint: constraint.replacing(" ON CONFLICT ROLLBACK", with: "")), of: store, in: database,
            failurePolicy: .parkKeys())
        try await database.writeWithoutTransaction { try $0.execute(sql: "PRAGMA ignore_check_constraints = true") }
        #expect(try await mended.resumeParkedKeys().isEmpty)
        #expect(try await amounts(database) == Array(1...20))
    }

    private func amounts(_ database: any DatabaseReader) async throws -> [Int] {
        try await database.read { try Int.fetchAll($0, sql: "SELECT amount FROM amounts ORDER BY amount") }
    }

    @Test("takes each missed event once while the projection runs on, and another resumes too", arguments: [1, 3, 500])
    func whileRunning(batchSize: Int) async throws {
        let store = InMemoryEventStore()
        let folder = try TemporaryFolder()
        let database = try DatabasePool(path: folder.path("model.sqlite"))
        var generator = SplitMix64(seed: 11)
        try await store.fillLedger(60, using: &generator)
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position == 5 { throw Unwanted() } }
        try await runner(broken, store, database).catchUp()
        let rival = try await runner(Ledger(), store, database, batchSize: 2)
        #expect(try await !rival.parkedKeys().isEmpty)
        // Parks a key at an event that is read already where pages are large.
        let late = try await store.record(AccountEvent.deposited(amount: 1), in: "account-9").position
        broken.beforeStatement = { recorded, _ in if recorded.position == late { throw Unwanted() } }
        let parking = try await runner(broken, store, database)
        let rounds = Mutex(0)
        let hooked = HookedStore(base: store) {
            let round = rounds.withLock { count in
                count += 1
                return count
            }
            // The first page is read at opening.
            if round == 2 { _ = try? await parking.catchUp() }
            guard (3...20).contains(round) else { return }
            _ = try? await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
            _ = try? await rival.catchUp()
            if round == 7 { _ = try? await rival.resumeParkedKeys() }
        }
        #expect(try await runner(Ledger(), hooked, database, batchSize: batchSize).resumeParkedKeys().isEmpty)
        #expect(rounds.withLock { $0 } > 2)
        try await rival.catchUp()
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store))
    }

    @Test("stops where the limit is reached, and at an event whose keys nobody knows")
    func stops() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        for account in 1...3 { try await store.record(AccountEvent.deposited(amount: 1), in: "account-\(account)") }
        var broken = Ledger()
        broken.beforeStatement = { _, _ in throw Unwanted() }
        let limited = try await runner(broken, store, database, limit: 2)
        do throws(ProjectionError) {
            try await limited.catchUp()
            Issue.record("went on")
        } catch {
            guard case .tooManyParkedKeys(limit: 2, let place, _) = error else { throw error }
            #expect(place.position == 3)
        }
        #expect(try await limited.position() == 2)
        #expect(try await limited.parkedKeys().count == 2)
        let mended = try await runner(Ledger(), store, database)
        _ = try await mended.resumeParkedKeys()
        try await mended.catchUp()

        // An event of an account that is not known today: its stream tells the key. One of a transfer does not.
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-1")
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-2")
        #expect(try await mended.catchUp() == 6)
        #expect(try await mended.parkedKeys().map(\.key) == ["account-1"])
        #expect(try await balance("account-2", database) == 2)
        #expect(try await mended.resumeParkedKeys().map(\.position) == [4])
        try await store.append([NewEvent(type: "transfer.lost", data: Array("{}".utf8))], to: "transfer-1")
        do throws(ProjectionError) {
            try await mended.catchUp()
            Issue.record("skipped an event")
        } catch {
            guard case .undecodable(let reason) = error else { throw error }
            #expect(reason.position == 7)
        }
        // Without keys there is nothing to park.
        let keyless = try await SQLProjectionRunner(
            Amounts(constraint: "CHECK (amount <> 1)", isKeyed: false), of: store, in: database,
            failurePolicy: .parkKeys())
        do throws(ProjectionError) {
            try await keyless.catchUp()
            Issue.record("parked what has no key")
        } catch {
            guard case .failed(let place, _) = error else { throw error }
            #expect(place.position == 1)
        }
    }

    @Test("stops, and parks nothing more, when its policy is to stop")
    func stopping() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position == 1 { throw Unwanted() } }
        try await runner(broken, store, database).catchUp()
        try await store.record(TransferEvent.sent(from: "account-1", to: "account-2", amount: 1), in: "transfer-1")
        let stopping = try await runner(broken, store, database, limit: 0)
        let error = await #expect(throws: ProjectionError.self) { try await stopping.catchUp() }
        #expect(error?.description.contains("'account-2' must not be parked") == true)
        #expect(try await stopping.parkedKeys().map(\.key) == ["account-1"])
    }

    @Test("opens a database of before keys could be parked")
    func older() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await runner(Ledger(), store, database).catchUp()
        try await database.write { try $0.execute(sql: "ALTER TABLE daybook_checkpoints DROP COLUMN parked") }
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        #expect(try await runner(Ledger(), store, database).catchUp() == 2)
        try await database.write { try $0.execute(sql: "ALTER TABLE daybook_checkpoints DROP COLUMN parked") }
        try await Ledger().deleteReadModel(from: database)
        #expect(try await database.read { try !$0.tableExists("balances") })
    }

    @Test("tells keys apart by their bytes")
    func twins() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        for name in [composed, decomposed, composed] {
            try await store.record(AccountEvent.deposited(amount: 1), in: "account-\(name)")
        }
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position <= 2 { throw Unwanted() } }
        try await runner(broken, store, database).catchUp()
        #expect(try await runner(broken, store, database).parkedKeys().map(\.position) == [1, 2])
        broken.beforeStatement = { recorded, _ in if recorded.position == 3 { throw Unwanted() } }
        let partly = try await runner(broken, store, database)
        for _ in 0..<3 { #expect(try await partly.resumeParkedKeys().map(\.position) == [3]) }
        #expect(try await runner(Ledger(), store, database).resumeParkedKeys().isEmpty)
        let amounts = try await database.read {
            try Int.fetchAll($0, sql: "SELECT amount FROM balances ORDER BY account COLLATE BINARY")
        }
        #expect(amounts == [1, 2])
    }

    @Test("refuses to resume an event that has other keys now than those that were parked")
    func otherKeys() async throws {
        let store = InMemoryEventStore()
        let database = try DatabaseQueue()
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await store.record(TransferEvent.sent(from: "account-1", to: "account-2", amount: 1), in: "account-1")
        try await store.record(AccountEvent.deposited(amount: 1), in: "account-2")
        var broken = Ledger()
        broken.beforeStatement = { recorded, _ in if recorded.position == 2 { throw Unwanted() } }
        broken.otherKeys = { $0.type == "transfer.sent" ? ["account-1"] : nil }
        try await runner(broken, store, database).catchUp()
        let mended = try await runner(Ledger(), store, database)
        for _ in 0..<2 {
            do throws(ProjectionError) {
                try await mended.resumeParkedKeys()
                Issue.record("resumed")
            } catch {
                guard case .failed(let place, let reason) = error else { throw error }
                #expect(place.position == 2 && reason.contains("account-1, account-2"))
            }
        }
        #expect(try await mended.parkedKeys().map(\.key) == ["account-1"])
        #expect(try await balance("account-2", database) == 1)
    }
}
