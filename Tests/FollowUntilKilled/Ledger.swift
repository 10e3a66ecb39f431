import Daybook
import DaybookCore
import DaybookGRDB
import GRDB

/// What each account has, and every entry that made it so. An event that counted twice would break a key or a balance.
struct Ledger: SQLProjection {
    var name: ReadModelName = "ledger-1"
    /// Stands behind the names of the tables, so that two versions can be in one database.
    var suffix = ""
    /// Called before each statement of ``apply(_:recorded:in:)``.
    var beforeStatement: @Sendable (RecordedEvent, Database) throws -> Void = { _, _ in }

    /// What an entry counts as, for a version that counts otherwise.
    var amount: @Sendable (RecordedEvent, Int) -> Int = { $1 }

    /// Other keys of an event than it has.
    var otherKeys: @Sendable (RecordedEvent) -> [String]? = { _ in nil }

    func createTables(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE balances\(suffix) (account TEXT NOT NULL PRIMARY KEY, amount INTEGER NOT NULL);
                CREATE TABLE entries\(suffix) (
                    position INTEGER NOT NULL, account TEXT NOT NULL, amount INTEGER NOT NULL,
                    PRIMARY KEY (position, account)
                )
                """)
    }

    func dropTables(in db: Database) throws {
        try db.execute(sql: "DROP TABLE balances\(suffix); DROP TABLE entries\(suffix)")
    }

    func apply(_ event: LedgerEvent, recorded: RecordedEvent, in db: Database) throws {
        let stream = recorded.stream.rawValue
        switch event {
        case .account(.deposited(let amount)): try enter(amount, stream, recorded, db)
        case .account(.withdrawn(let amount)): try enter(-amount, stream, recorded, db)
        case .account(.closed):
            try beforeStatement(recorded, db)
            try db.execute(sql: "DELETE FROM balances\(suffix) WHERE account = ?", arguments: [stream])
        case .transfer(.sent(let from, let to, let amount)):
            try enter(-amount, from, recorded, db)
            try enter(amount, to, recorded, db)
        }
    }

    func keys(for event: LedgerEvent, recorded: RecordedEvent) -> [String] {
        if let keys = otherKeys(recorded) { return keys }
        return switch event {
        case .account: [recorded.stream.rawValue]
        case .transfer(.sent(let from, let to, _)): [from, to]
        }
    }

    func keys(forUnreadable recorded: RecordedEvent) -> [String]? {
        recorded.stream.category == "account" ? [recorded.stream.rawValue] : nil
    }

    private func enter(_ recordedAmount: Int, _ account: String, _ recorded: RecordedEvent, _ db: Database) throws {
        let amount = amount(recorded, recordedAmount)
        try beforeStatement(recorded, db)
        let entry = try db.cachedStatement(sql: "INSERT INTO entries\(suffix) VALUES (?, ?, ?)")
        try entry.execute(arguments: [recorded.position.rawValue, account, amount])
        try beforeStatement(recorded, db)
        let balance = try db.cachedStatement(
            sql: """
                INSERT INTO balances\(suffix) VALUES (?, ?)
                ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount
                """)
        try balance.execute(arguments: [account, amount])
    }
}
