import Daybook
import DaybookCore
import DaybookGRDB
import GRDB

@testable import FollowUntilKilled

/// A row for each deposit, under a constraint.
struct Amounts: SQLProjection {
    let name: ReadModelName = "amounts"
    let constraint: String
    var isKeyed = true

    func createTables(in db: Database) throws {
        try db.execute(sql: "CREATE TABLE allowed (amount INTEGER PRIMARY KEY)")
        for amount in 1...20 where amount != 13 {
            try db.execute(sql: "INSERT INTO allowed VALUES (?)", arguments: [amount])
        }
        try db.execute(
            sql: "CREATE TABLE amounts (amount INTEGER \(constraint.replacing(" ON CONFLICT ROLLBACK", with: "")))")
    }

    func dropTables(in db: Database) throws { try db.execute(sql: "DROP TABLE amounts; DROP TABLE allowed") }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, in db: Database) throws {
        guard case .deposited(let amount) = event else { return }
        let insert = constraint.hasSuffix("ROLLBACK") ? "INSERT OR ROLLBACK" : "INSERT"
        try db.execute(sql: "\(insert) INTO amounts VALUES (?)", arguments: [amount])
    }

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] {
        isKeyed ? [recorded.stream.rawValue] : []
    }
}
