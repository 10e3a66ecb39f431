import Daybook
import GRDB

/// What differs between the rows of two queries.
public struct SQLRowComparison: Sendable {
    /// The rows that either query returns.
    public internal(set) var rowCount = 0
    /// Rows whose key only the second query has.
    public internal(set) var addedCount = 0
    /// Rows whose key only the first query has.
    public internal(set) var lostCount = 0
    /// Rows that both have, with other values.
    public internal(set) var changedCount = 0
    /// The first differences in the order of their keys, as many as were asked for. The key is that of the row as text.
    public internal(set) var differences: [DocumentDifference<SQLRow>] = []

    var keys: [SQLKey] = []

    public var differenceCount: Int { addedCount + lostCount + changedCount }
}

extension SQLRowComparison {
    /// Compares rows one by one, both in the order of their keys. Columns are paired by their names.
    ///
    /// - Complexity: O(rows) in time, and what is kept in memory.
    init(
        _ old: SQLQuery, in olds: Database, _ new: SQLQuery, in news: Database, keepingFirst limit: Int
    ) throws {
        let (columns, others) = (try old.columns(in: olds), try new.columns(in: news))
        guard columns.sorted() == others.sorted() else { throw SQLHistoryError.otherColumns(others, than: columns) }
        var left = SortedRows(rows: old, columns: columns, cursor: try old.sorted(in: olds))
        var right = SortedRows(rows: new, columns: columns, cursor: try new.sorted(in: news))
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
    let rows: SQLQuery
    /// The order of the columns.
    let columns: [String]
    let cursor: RowCursor
    private(set) var current: (key: SQLKey, row: SQLRow)?

    init(rows: SQLQuery, columns: [String], cursor: RowCursor) {
        self.rows = rows
        self.columns = columns
        self.cursor = cursor
    }

    mutating func advance() throws {
        let last = current?.key
        current = try cursor.next().map { next in
            let row = SQLRow(next)
            guard let ordered = row.ordered(by: columns) else {
                throw SQLHistoryError.otherColumns(row.columns, than: columns)
            }
            return (try rows.key(of: ordered), ordered)
        }
        guard let last, let current, current.key <= last else { return }
        throw SQLHistoryError.duplicateKey(last.description, sql: rows.sql)
    }
}
