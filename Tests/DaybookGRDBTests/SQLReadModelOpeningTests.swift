import Daybook
import DaybookCore
import DaybookGRDB
import GRDB
import Testing

@testable import FollowUntilKilled

@Suite("A read model's database")
struct SQLReadModelOpeningTests {
    @Test(
        "is refused when a crash could part the rows from the checkpoint",
        arguments: [
            ("WAL", 0, false), ("WAL", 1, true), ("WAL", 2, true), ("DELETE", 1, false), ("DELETE", 2, true),
            ("TRUNCATE", 2, true), ("PERSIST", 3, true), ("MEMORY", 2, false), ("OFF", 2, false),
        ])
    func settings(journalMode: String, synchronous: Int, isSafe: Bool) async throws {
        let folder = try TemporaryFolder()
        let database = try DatabaseQueue(path: folder.path("model.sqlite"))
        try await database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA journal_mode = \(journalMode); PRAGMA synchronous = \(synchronous)")
        }
        do throws(SQLReadModelError) {
            _ = try await SQLProjectionRunner(Ledger(), of: InMemoryEventStore(), in: database)
            #expect(isSafe)
        } catch {
            #expect(!isSafe)
            #expect(
                error == .unsafeSettings(journalMode: journalMode.lowercased(), synchronous: synchronous))
            #expect(try await database.read { try !$0.tableExists("balances") })
        }
    }

    @Test("is taken as GRDB opens it: a pool, a queue, a queue in memory", arguments: TestDatabase.all)
    func defaults(_ kind: TestDatabase) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.makeDatabase(folder)
        _ = try await SQLProjectionRunner(Ledger(), of: InMemoryEventStore(), in: database)
        #expect(try await LedgerTable.stored(in: database).position == .start)
    }

    @Test("is refused by a log that it was not made of")
    func otherLog() async throws {
        let database = try DatabaseQueue()
        let log = InMemoryEventStore()
        try await log.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await log.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
        try await SQLProjectionRunner(Ledger(), of: log, in: database).catchUp()

        let restored = InMemoryEventStore()
        let behind = await #expect(throws: SQLReadModelError.self) {
            try await SQLProjectionRunner(Ledger(), of: restored, in: database)
        }
        #expect(behind == .beyondLog(model: "ledger-1", position: 2, head: .start))
        for _ in 0..<3 { try await restored.record(AccountEvent.deposited(amount: 5), in: "account-1") }
        do throws(SQLReadModelError) {
            _ = try await SQLProjectionRunner(Ledger(), of: restored, in: database)
            Issue.record("took it")
        } catch {
            guard case .otherLog(_, let position, let applied, let recorded) = error else { throw error }
            #expect(position == 1 && applied != recorded)
        }
        _ = try await SQLProjectionRunner(Ledger(), of: log, in: database)
    }

    @Test("is refused by a log that parts behind the last event that was applied")
    func otherLogBehind() async throws {
        let database = try DatabaseQueue()
        let weather = { NewEvent(type: "weather.changed", data: []) }
        let log = InMemoryEventStore()
        try await log.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let restored = InMemoryEventStore()
        let page = try await log.readPage(from: .start, direction: .forward, filter: .everything, limit: 1)
        try await restored.importEvents(page.events)
        try await log.append([weather(), weather()], to: "weather")
        try await SQLProjectionRunner(Ledger(), of: log, in: database).catchUp()

        try await restored.append([weather(), weather(), weather()], to: "weather")
        do throws(SQLReadModelError) {
            _ = try await SQLProjectionRunner(Ledger(), of: restored, in: database)
            Issue.record("took it")
        } catch {
            guard case .otherLog(_, let position, let applied, let recorded) = error else { throw error }
            #expect(position == 3 && applied != recorded)
        }
        _ = try await SQLProjectionRunner(Ledger(), of: log, in: database)
    }

    @Test("of before scanned events were kept is opened")
    func withoutScannedEvent() async throws {
        let database = try DatabaseQueue()
        let log = InMemoryEventStore()
        try await log.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await SQLProjectionRunner(Ledger(), of: log, in: database).catchUp()
        try await database.write { db in
            for column in ["scanned_position", "scanned_id"] {
                try db.execute(sql: "ALTER TABLE daybook_checkpoints DROP COLUMN \(column)")
            }
        }
        try await log.record(AccountEvent.deposited(amount: 2), in: "account-1")
        let runner = try await SQLProjectionRunner(Ledger(), of: log, in: database)
        #expect(try await runner.catchUp() == 2)
    }

    @Test("is left as it was when the tables cannot be created")
    func tables() async throws {
        let database = try DatabaseQueue()
        try await database.write { try $0.execute(sql: "CREATE TABLE entries (a)") }
        let error = await #expect(throws: SQLReadModelError.self) {
            try await SQLProjectionRunner(Ledger(), of: InMemoryEventStore(), in: database)
        }
        #expect(error?.description.contains("table entries already exists") == true)
        #expect(try await database.read { try !$0.tableExists("balances") && !$0.tableExists("daybook_checkpoints") })
    }

    @Test("holds several read models, each with its checkpoint")
    func several() async throws {
        let database = try DatabaseQueue()
        let log = InMemoryEventStore()
        try await log.record(AccountEvent.deposited(amount: 1), in: "account-1")
        try await SQLProjectionRunner(Ledger(), of: log, in: database).catchUp()
        try await log.record(AccountEvent.deposited(amount: 1), in: "account-1")
        let other = Ledger(name: "ledger-2", suffix: "_2")
        try await SQLProjectionRunner(other, of: log, in: database).catchUp()
        #expect(try await LedgerTable.stored(in: database).position == 1)
        #expect(try await LedgerTable.stored(in: database, suffix: "_2", model: "ledger-2").position == 2)
    }
}
