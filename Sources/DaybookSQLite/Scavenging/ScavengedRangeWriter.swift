/// Adds to the table `scavenged`, in which ranges never touch one another.
final class ScavengedRangeWriter {
    private let before: Statement
    private let after: Statement
    private let save: Statement
    private let remove: Statement

    init(_ connection: Connection) throws(SQLiteFailure) {
        before = try connection.prepare(
            "SELECT first, last, crc FROM scavenged WHERE first < ? ORDER BY first DESC LIMIT 1")
        after = try connection.prepare("SELECT first, last, crc FROM scavenged WHERE first = ?")
        save = try connection.prepare("INSERT OR REPLACE INTO scavenged(first, last, crc) VALUES(?, ?, ?)")
        remove = try connection.prepare("DELETE FROM scavenged WHERE first = ?")
    }

    /// Notes that consecutive positions were scavenged, none of which was before.
    func add(_ positions: ClosedRange<Int64>) throws {
        var (first, last) = (positions.lowerBound, positions.upperBound)
        if let range = try range(before, first), range.upperBound == first - 1 { first = range.lowerBound }
        if let range = try range(after, last + 1) {
            last = range.upperBound
            remove.bind(1, range.lowerBound)
            try remove.run()
        }
        save.bind(1, first)
        save.bind(2, last)
        save.bind(3, Int64(ScavengedRange(first...last).crc))
        try save.run()
    }

    private func range(_ statement: Statement, _ position: Int64) throws -> ClosedRange<Int64>? {
        statement.bind(1, position)
        guard try statement.step() else { return nil }
        defer { statement.reset() }
        guard let range = ScavengedRange(statement) else {
            throw StoreFailure.damaged(
                position: statement.integer(0), stream: nil, reason: "the row that says what was scavenged is damaged")
        }
        return range.positions
    }
}
