import GRDB

/// A row of a query: its columns, in order, and their values.
public struct SQLRow: Sendable, Hashable, CustomStringConvertible {
    public let columns: [String]
    public let values: [DatabaseValue]

    public init(_ row: Row) {
        columns = Array(row.columnNames)
        values = Array(row.databaseValues)
    }

    /// The value of a column; nil when there is no such column.
    public subscript(column: String) -> DatabaseValue? {
        columns.firstIndex(of: column).map { values[$0] }
    }

    public var description: String {
        zip(columns, values).map { "\($0): \($1)" }.joined(separator: ", ")
    }
}
