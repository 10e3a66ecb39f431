import Daybook
import DaybookCore
import DaybookGRDB
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

        // sample: view
        try await database.write { db in
            try db.execute(sql: "CREATE VIEW current_entries AS SELECT account, amount, time FROM entries")
        }
        // end of sample

        // sample: rebuild
        let next = try await SQLProjectionRunner(EntriesWithPosition(), of: store, in: database, batchSize: 10_000)
        try await next.catchUp { position, head in print("position \(position) of \(head)") }
        let nextRunning = Task { try await next.run() }
        try await database.write { db in
            try db.execute(
                sql: """
                    DROP VIEW current_entries;
                    CREATE VIEW current_entries AS SELECT account, amount, time FROM entries_2;
                    """)
        }
        running.cancel()
        try await running.value
        try await Entries().deleteReadModel(from: database)
        // end of sample
        nextRunning.cancel()
        try await nextRunning.value
        let sum = try await database.read { try Int.fetchOne($0, sql: "SELECT sum(amount) FROM current_entries") }
        #expect(sum == 16)
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
