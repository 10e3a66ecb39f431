import Daybook
import GRDB

/// What differs between the rows of two queries.
public struct SQLRowComparison: Sendable {
    /// The rows that either query returns.
    public internal(set) var rowCount = 0
    public internal(set) var addedCount = 0
    public internal(set) var lostCount = 0
    public internal(set) var changedCount = 0
    /// The first differences in the order of their keys, as many as were asked for. The key is that of the row as text.
    public internal(set) var differences: [DocumentDifference<SQLRow>] = []

    var keys: [SQLKey] = []

    public var differenceCount: Int { addedCount + lostCount + changedCount }
}

extension SQLRowComparison {
    /// Compares rows one by one, both in the order of their keys.
    ///
    /// - Complexity: O(rows) in time, and what is kept in memory.
    init(
        _ old: SQLRows, _ olds: RowCursor, _ new: SQLRows, _ news: RowCursor, keepingFirst limit: Int
    ) throws {
        var (left, right) = (SortedRows(old, olds), SortedRows(new, news))
        try left.advance()
        try right.advance()
        while let key = [left.current?.key, right.current?.key].compactMap({ $0 }).min() {
            rowCount += 1
            let before = left.current?.key == key ? left.current?.row : nil
            let after = right.current?.key == key ? right.current?.row : nil
            if before != nil { try left.advance() }
            if after != nil { try right.advance() }
            guard before != after else { continue }
            let difference = DocumentDifference(key: key.description, old: before, new: after)
            switch difference.kind {
            case .added: addedCount += 1
            case .lost: lostCount += 1
            case .changed: changedCount += 1
            }
            guard differences.count < limit else { continue }
            differences.append(difference)
            keys.append(key)
        }
    }
}

/// The rows of a query, one after another.
private struct SortedRows {
    let rows: SQLRows
    let cursor: RowCursor
    private(set) var current: (key: SQLKey, row: SQLRow)?

    init(_ rows: SQLRows, _ cursor: RowCursor) {
        self.rows = rows
        self.cursor = cursor
    }

    mutating func advance() throws {
        let last = current?.key
        current = try cursor.next().map { next in
            let row = SQLRow(next)
            return (try rows.key(of: row), row)
        }
        guard let last, let current, current.key <= last else { return }
        throw SQLHistoryError.duplicateKey(last.description, sql: rows.sql)
    }
}
