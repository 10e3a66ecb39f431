import GRDB

/// Rows that can be compared: what a query returns, and the columns by which one row is told from another.
public struct SQLQuery: Sendable, Hashable {
    /// A `SELECT` without arguments.
    public var sql: String
    /// The names of the columns whose values no two rows share; empty for a query of one row.
    public var key: [String]

    public init(_ sql: String, key: [String]) {
        self.sql = sql
        self.key = key
    }
}

extension SQLQuery {
    /// The key of a row.
    func key(of row: SQLRow) throws -> SQLKey {
        SQLKey(
            try key.map { column in
                guard let value = row[column] else { throw SQLHistoryError.noColumn(column, sql: sql) }
                return value
            })
    }

    /// The names of the columns.
    func columns(in db: Database) throws -> [String] {
        // As the query is asked: SQLite tells columns of one name apart by a number.
        let names = try db.makeStatement(sql: "SELECT * FROM (\(sql))").columnNames
        for column in key where !names.contains(column) { throw SQLHistoryError.noColumn(column, sql: sql) }
        return names
    }

    /// All rows, in the order of their keys.
    func sorted(in db: Database) throws -> RowCursor {
        let order = key.map { "\(Self.quoted($0)) COLLATE BINARY" }.joined(separator: ", ")
        return try Row.fetchCursor(db, sql: "SELECT * FROM (\(sql))\(order.isEmpty ? "" : " ORDER BY \(order)")")
    }

    /// The row with a key; nil when there is none.
    func row(_ value: SQLKey, in db: Database) throws -> SQLRow? {
        let terms = key.map { "\(Self.quoted($0)) COLLATE BINARY IS ?" }.joined(separator: " AND ")
        let statement = try db.cachedStatement(sql: "SELECT * FROM (\(sql)) WHERE \(terms.isEmpty ? "1" : terms)")
        let rows = try Row.fetchCursor(statement, arguments: StatementArguments(value.values))
        // A column may take a text for the number that it looks like.
        while let row = try rows.next().map(SQLRow.init) {
            if try key(of: row) == value { return row }
        }
        return nil
    }

    /// A name as SQLite takes it, and never for a text, as it takes a name in double quotes that it does not know.
    static func quoted(_ name: String) -> String { "`\(name.replacing("`", with: "``"))`" }
}
