import Daybook
import DaybookCore
import DaybookTesting
import GRDB

@testable import FollowUntilKilled

/// What the tables of a ledger hold, or ought to.
struct LedgerTable: Equatable {
    struct Entry: Hashable {
        var position: Int64
        var account: String
        var amount: Int
    }

    var balances: [String: Int] = [:]
    var entries: Set<Entry> = []

    /// The rows as they stand, and the checkpoint in the same transaction.
    static func stored(
        in database: any DatabaseReader, suffix: String = "", model: ReadModelName = "ledger-1"
    ) async throws -> (table: LedgerTable, position: Position) {
        try await database.read { db in
            var table = LedgerTable()
            // Decoded, and not subscripted, which stops the program where a file is damaged.
            for row in try Row.fetchAll(db, sql: "SELECT account, amount FROM balances\(suffix)") {
                table.balances[try row.decode(forColumn: "account")] = try row.decode(Int.self, forColumn: "amount")
            }
            for row in try Row.fetchAll(db, sql: "SELECT position, account, amount FROM entries\(suffix)") {
                let entry = Entry(
                    position: try row.decode(forColumn: "position"), account: try row.decode(forColumn: "account"),
                    amount: try row.decode(forColumn: "amount"))
                table.entries.insert(entry)
            }
            let position = try Int64.fetchOne(
                db, sql: "SELECT position FROM daybook_checkpoints WHERE name = ?", arguments: [model.rawValue])
            return (table, Position(position ?? 0))
        }
    }

    /// The rows as a plain fold of the log makes them.
    static func folded(
        _ store: any EventStore, through position: Position = Position(.max)
    ) async throws -> LedgerTable {
        let reader = LedgerEvent.makeReader()
        var table = LedgerTable()
        for try await recorded in store.events(filter: EventFilter(LedgerEvent.eventTypes)) {
            guard recorded.position <= position else { break }
            for event in try reader.decode(recorded) { table.apply(event, recorded) }
        }
        return table
    }

    private mutating func apply(_ event: LedgerEvent, _ recorded: RecordedEvent) {
        let stream = recorded.stream.rawValue
        switch event {
        case .account(.deposited(let amount)): enter(amount, stream, recorded)
        case .account(.withdrawn(let amount)): enter(-amount, stream, recorded)
        case .account(.closed): balances[stream] = nil
        case .transfer(.sent(let from, let to, let amount)):
            enter(-amount, from, recorded)
            enter(amount, to, recorded)
        }
    }

    private mutating func enter(_ amount: Int, _ account: String, _ recorded: RecordedEvent) {
        entries.insert(Entry(position: recorded.position.rawValue, account: account, amount: amount))
        balances[account, default: 0] += amount
    }
}

extension EventStore {
    /// Appends random events of a ledger, and others that it does not know.
    func fillLedger(_ count: Int, using generator: inout SplitMix64) async throws {
        for _ in 0..<count {
            let account = Int.random(in: 0..<5, using: &generator)
            let amount = Int.random(in: 1...9, using: &generator)
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: try await record(AccountEvent.closed, in: "account-\(account)")
            case 1..<4: try await record(AccountEvent.withdrawn(amount: amount), in: "account-\(account)")
            case 4..<6:
                let other = "account-\((account + 1) % 5)"
                try await record(
                    TransferEvent.sent(from: "account-\(account)", to: other, amount: amount), in: "transfer-1")
            default: try await record(AccountEvent.deposited(amount: amount), in: "account-\(account)")
            }
            if generator.oneIn(3) { try await append([NewEvent(type: "weather.changed", data: [])], to: "weather") }
        }
    }

    /// Appends one event.
    @discardableResult
    func record<Event: DomainEvent>(_ event: Event, in stream: String) async throws -> AppendResult {
        let encoded = try JSONEventCodec<Event>().encode(event)
        return try await append(
            [NewEvent(type: encoded.type, data: encoded.data)], to: StreamName(unchecked: stream))
    }
}
