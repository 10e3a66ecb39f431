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

    /// The record that GRDB makes of such a row.
    public func decode<Record: FetchableRecord>(_ type: Record.Type = Record.self) throws -> Record {
        let values = zip(columns, values).map { ($0, $1 as (any DatabaseValueConvertible)?) }
        return try Record(row: Row(Dictionary(values) { first, _ in first }))
    }

    public var description: String {
        zip(columns, values).map { "\($0): \($1)" }.joined(separator: ", ")
    }
}
