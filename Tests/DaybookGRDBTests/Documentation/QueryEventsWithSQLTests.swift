import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import Foundation
import GRDB
import Testing

@testable import FollowUntilKilled

// The samples of "Query events with SQL" stand here between marks; `scripts/check-samples` compares them with the article.

// sample: projection
struct Entries: SQLProjection {
    let name: ReadModelName = "entries-1"

    func createTables(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE entries (account TEXT NOT NULL, amount INTEGER NOT NULL, time TEXT NOT NULL);
                CREATE INDEX entries_by_account ON entries (account);
                """)
    }

    func dropTables(in db: Database) throws { try db.execute(sql: "DROP TABLE entries") }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, in db: Database) throws {
        let insert = try db.cachedStatement(sql: "INSERT INTO entries VALUES (?, ?, ?)")
        let account = recorded.stream.rawValue
        let time = recorded.recordedAt.description
        switch event {
        case .deposited(let amount): try insert.execute(arguments: [account, amount, time])
        case .withdrawn(let amount): try insert.execute(arguments: [account, -amount, time])
        case .closed: try db.execute(sql: "DELETE FROM entries WHERE account = ?", arguments: [account])
        }
    }
}
// end of sample

// sample: keys
extension Entries {
    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue] }
    func keys(forUnreadable recorded: RecordedEvent) -> [String]? { [recorded.stream.rawValue] }
}
// end of sample

/// The next version: with a column more.
private struct EntriesWithPosition: SQLProjection {
    let name: ReadModelName = "entries-2"

    func createTables(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE entries_2 (
                    account TEXT NOT NULL, amount INTEGER NOT NULL, time TEXT NOT NULL, position INTEGER NOT NULL)
                """)
    }

    func dropTables(in db: Database) throws { try db.execute(sql: "DROP TABLE entries_2") }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, in db: Database) throws {
        guard case .deposited(let amount) = event else { return }
        try db.execute(
            sql: "INSERT INTO entries_2 VALUES (?, ?, ?, ?)",
            arguments: [
                recorded.stream.rawValue, amount, recorded.recordedAt.description, recorded.position.rawValue,
            ])
    }
}

private enum Account: Decider {
    enum Rejection: Error {}

    static let initialState = 0

    static func decide(_ amount: Int, in state: Int) throws(Rejection) -> [AccountEvent] {
        [amount < 0 ? .withdrawn(amount: -amount) : .deposited(amount: amount)]
    }

    static func evolve(_ state: inout Int, with event: AccountEvent) { state += 1 }
}

@Suite("The guide to querying events with SQL")
struct QueryEventsWithSQLTests {
    @Test("runs on a store")
    func runs() async throws {
        let store = InMemoryEventStore()
        let accounts = CommandHandler(Account.self, in: store, category: "account")
        let folder = try TemporaryFolder()
        let path = folder.path("model.sqlite")

        // sample: run
        let database = try DatabasePool(path: path)
        let runner = try await SQLProjectionRunner(Entries(), of: store, in: database)
        let running = Task { try await runner.run() }
        // end of sample
        try await accounts.handle(5, id: "42")
        try await accounts.handle(1, id: "43")

        // sample: query
        let receipt = try await accounts.handle(10, id: "42")
        try await runner.wait(for: receipt.position)
        let wealthy = try await database.read { db in
            try String.fetchAll(db, sql: "SELECT account FROM entries GROUP BY account HAVING sum(amount) > 10")
        }
        // end of sample
        #expect(wealthy == ["account-42"])

        // sample: resume
        let careful = try await SQLProjectionRunner(
            Entries(), of: store, in: database, failurePolicy: .parkKeys(limit: 100))
        for parked in try await careful.parkedKeys() { print(parked.key, parked.position, parked.reason) }
        let stillParked = try await careful.resumeParkedKeys()
        // end of sample
        #expect(stillParked.isEmpty)

        // sample: view
        try await database.write { db in
            try db.execute(
                sql: """
                    CREATE VIEW IF NOT EXISTS account_totals AS
                    SELECT account, sum(amount) AS total FROM entries GROUP BY account
                    """)
        }
        // end of sample
        try await runner.wait(for: try await store.head())

        // sample: rebuild
        let view = SQLVersionedView(
            "account_totals", key: ["account"],
            old: "SELECT account, sum(amount) AS total FROM entries GROUP BY account",
            new: "SELECT account, sum(amount) AS total FROM entries_2 GROUP BY account")
        let rebuild = try await SQLProjectionRebuild(
            of: [view], from: Entries(), to: EntriesWithPosition(), log: store, in: database)
        try await rebuild.build { progress in
            print("\(Int(progress.fraction * 100)) %, \(progress.timeLeft ?? .zero) left")
        }
        // end of sample

        // sample: compare
        let comparison = try await rebuild.compare()
        for row in comparison.views["account_totals"]?.differences ?? [] {
            print("\(row.kind): \(row.key)", row.old ?? "no row", row.new ?? "no row", row.causes.map(\.position))
        }
        try await rebuild.switchOver(comparison, allowing: 0)
        // end of sample
        #expect(comparison.views["account_totals"]?.rowCount == 2)

        // sample: delete
        let nextRunning = Task { try await rebuild.runner.run() }
        running.cancel()
        try await running.value
        try await Entries().deleteReadModel(from: database)
        // end of sample
        nextRunning.cancel()
        try await nextRunning.value
        let sum = try await database.read { try Int.fetchOne($0, sql: "SELECT sum(total) FROM account_totals") }
        #expect(sum == 16)
    }

    @Test("tells of the past")
    func past() async throws {
        let clock = DrivenClock()
        let store = InMemoryEventStore(time: clock.time.source)
        let accounts = CommandHandler(Account.self, in: store, category: "account")
        try await accounts.handle(11, id: "42")
        let midnight = try #require(
            try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 1).events.first?.recordedAt
        )
        clock.advance(by: .seconds(60))
        try await accounts.handle(20, id: "43")
        let temporary = try TemporaryFolder()
        let folder = temporary.url

        // sample: past
        let history = SQLProjectionHistory(Entries(), of: store).keepingSnapshots(in: folder)
        let wealthyThen = try await history.read(asOf: .time(midnight)) { db in
            try String.fetchAll(db, sql: "SELECT account FROM entries GROUP BY account HAVING sum(amount) > 10")
        }
        // end of sample
        #expect(wealthyThen == ["account-42"])

        // sample: lineage
        let changes = try await history.lineage { db in
            try Int.fetchOne(db, sql: "SELECT sum(amount) FROM entries WHERE account = 'account-42'")
        }
        for change in changes { print(change.event.position, change.before ?? 0, "→", change.after ?? 0) }

        let totals = SQLQuery("SELECT account, sum(amount) AS total FROM entries GROUP BY account", key: ["account"])
        let differences = try await history.differences(of: totals, from: .time(midnight))
        // end of sample
        #expect(changes.map(\.after) == [11])
        #expect(differences.addedCount == 1 && differences.rowCount == 2)
    }

    @Test("has effects once")
    func effects() async throws {
        let store = InMemoryEventStore()
        let accounts = CommandHandler(Account.self, in: store, category: "account")
        for id in ["42", "43"] { try await accounts.handle(5, id: id) }
        let group = ConsumerGroup("invoices", of: store, AccountEvent.self, in: store)
        let folder = try TemporaryFolder()
        let invoicesPath = folder.path("invoices.sqlite")
        try await DatabaseQueue(path: invoicesPath).write {
            try $0.execute(sql: "CREATE TABLE invoices (id INTEGER PRIMARY KEY, account TEXT NOT NULL)")
        }

        // sample: inbox
        let invoices = try DatabasePool(path: invoicesPath)
        try await invoices.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = EXTRA") }
        let inbox = SQLInbox("invoices")
        try await group.catchUp { delivery in
            _ = try await invoices.write { db in
                try inbox.once(delivery, in: db) {
                    try db.execute(
                        sql: "INSERT INTO invoices (account) VALUES (?)", arguments: [delivery.key.rawValue])
                }
            }
        }
        // end of sample
        let written = try await invoices.read {
            try String.fetchAll($0, sql: "SELECT account FROM invoices ORDER BY 1")
        }
        #expect(written == ["account-42", "account-43"])
    }
}
