import Daybook
import DaybookCore
import DaybookGRDB
import GRDB

/// The events of the measurements: about 40 bytes of data each.
enum AccountEvent: DomainEvent {
    case deposited(account: String, amount: Int)

    static let typePrefix = "account"
    static let account = TagKey<String>("account")

    var tags: [Tag] {
        switch self {
        case .deposited(let account, _): [Self.account(account)]
        }
    }
}

/// An event with nine values.
enum WideEvent: DomainEvent {
    case placed(
        order: String, account: String, symbol: String, isBuy: Bool, quantity: Int, price: Double, limit: Double,
        currency: String, venue: String)

    static let typePrefix = "order"
}

struct Balance: Codable, Sendable {
    var amount = 0
    var deposits = 0
}

/// A document for each account.
struct Balances: Projection {
    var name: ReadModelName = "balances"

    func filter(for key: String) -> EventFilter { EventFilter(tags: [AccountEvent.account(key)]) }

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] {
        switch event {
        case .deposited(let account, _): [account]
        }
    }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) {
        switch event {
        case .deposited(_, let amount):
            var balance = document ?? Balance()
            balance.amount += amount
            balance.deposits += 1
            document = balance
        }
    }
}

/// A row for each account.
struct BalanceRows: SQLProjection {
    let name: ReadModelName
    private let table: String

    init(version: Int = 1) {
        name = ReadModelName(unchecked: "balances-\(version)")
        table = version == 1 ? "balances" : "balances_\(version)"
    }

    func createTables(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE \(table) (
                    account TEXT NOT NULL PRIMARY KEY, amount INTEGER NOT NULL, deposits INTEGER NOT NULL
                ) WITHOUT ROWID
                """)
    }

    func dropTables(in db: Database) throws { try db.execute(sql: "DROP TABLE \(table)") }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, in db: Database) throws {
        switch event {
        case .deposited(let account, let amount):
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO \(table) VALUES (?, ?, 1)
                    ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount, deposits = deposits + 1
                    """)
            try upsert.execute(arguments: [account, amount])
        }
    }
}

/// Thanks for each deposit: one event and one command for each input.
enum Thanks: ProcessManager {
    enum Event: DomainEvent {
        case thanked(amount: Int)
        static let typePrefix = "thanks"
    }

    static let category: Category = "thanks"
    static let initialState = 0

    static func processIDs(for input: AccountEvent, recorded: RecordedEvent) -> [String] {
        switch input {
        case .deposited(let account, _): [account]
        }
    }

    static func react(to input: AccountEvent, in state: Int) -> [ProcessAction<Event, String>] {
        switch input {
        case .deposited(let account, let amount): [.record(.thanked(amount: amount)), .send(account)]
        }
    }

    static func react(
        toRejectionOf command: String, reason: String, in state: Int
    ) -> [ProcessAction<Event, String>] { [] }

    static func evolve(_ state: inout Int, with event: Event) { state += 1 }
}

/// One account's cash.
enum CashAccount: Decider {
    struct State: Codable, Sendable {
        var amount = 0
    }
    enum Command: Sendable { case deposit(Int) }
    enum Rejection: Error { case never }

    static let initialState = State()

    static func decide(_ command: Command, in state: State) throws(Rejection) -> [AccountEvent] {
        switch command {
        case .deposit(let amount): [.deposited(account: "cash", amount: amount)]
        }
    }

    static func evolve(_ state: inout State, with event: AccountEvent) {
        if case .deposited(_, let amount) = event { state.amount += amount }
    }
}
