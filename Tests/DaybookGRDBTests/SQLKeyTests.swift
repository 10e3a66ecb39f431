import DaybookTesting
import Foundation
import GRDB
import Testing

@testable import DaybookGRDB

@Suite("The key of a row")
struct SQLKeyTests {
    private func value(_ random: inout SplitMix64) -> DatabaseValue {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return .null
        case 1: return Int64.random(in: -3...3, using: &random).databaseValue
        case 2:
            let bound: Int64 = 1 << 53
            return ([bound - 1, bound, bound + 1, .max, .min, -bound - 1].randomElement(using: &random) ?? 0)
                .databaseValue
        case 3:
            return
                ([-3, -0.5, 0, 0.5, 2, 9_007_199_254_740_992, 9.3e18, -9.3e18, .infinity].randomElement(using: &random)
                ?? 0.0).databaseValue
        case 4:
            return
                (["", "a", "A", "aa", "b", "1", "\u{E9}", "e\u{301}", "\u{1F600}", "\u{FB01}"]
                .randomElement(using: &random) ?? "").databaseValue
        default:
            return Data(
                (0..<Int.random(in: 0...2, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            )
            .databaseValue
        }
    }

    @Test("is ordered as SQLite orders it", arguments: TestSeeds.first(5))
    func order(seed: UInt64) async throws {
        var random = SplitMix64(seed: seed)
        let values = (0..<60).map { _ in [value(&random), value(&random)] }
        let pairs = try await DatabaseQueue().write { db in
            try db.execute(sql: "CREATE TABLE pairs (number INTEGER PRIMARY KEY, a, b)")
            for pair in values {
                try db.execute(sql: "INSERT INTO pairs (a, b) VALUES (?, ?)", arguments: StatementArguments(pair))
            }
            // -1 for less, 0 for equal, 1 for greater, by each pair of rows.
            return try Row.fetchAll(
                db,
                sql: """
                    SELECT x.number AS x, y.number AS y, x.a IS y.a AS sameA, x.b IS y.b AS sameB,
                        row_number() OVER (ORDER BY x.a COLLATE BINARY, x.b COLLATE BINARY) AS place
                    FROM pairs x JOIN pairs y
                    """
            ).map { row -> (Int, Int, Bool, Int) in (row["x"], row["y"], row["sameA"] && row["sameB"], row["place"]) }
        }
        for (x, y, isSame, _) in pairs {
            #expect((SQLKey(values[x - 1]) == SQLKey(values[y - 1])) == isSame, "seed \(seed)")
        }
        let sorted = pairs.sorted { $0.3 < $1.3 }.map(\.0)
        for (x, y) in zip(sorted, sorted.dropFirst()) {
            #expect(SQLKey(values[x - 1]) <= SQLKey(values[y - 1]), "seed \(seed)")
        }
    }
}
