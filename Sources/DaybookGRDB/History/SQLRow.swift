import DaybookCore
import GRDB

/// A row of a query: its columns, in order, and their values.
///
/// Two rows are equal when their values are to the last byte: 1 and 1.0 are not, nor are two texts that look the same and are
/// written differently in Unicode.
public struct SQLRow: Sendable, Hashable, CustomStringConvertible {
    public let columns: [String]
    public let values: [DatabaseValue]

    public init(_ row: Row) {
        columns = Array(row.columnNames)
        values = Array(row.databaseValues)
    }

    private init(columns: [String], values: [DatabaseValue]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column; nil when there is no such column. Names are taken as the query writes them.
    public subscript(column: String) -> DatabaseValue? {
        columns.firstIndex(of: column).map { values[$0] }
    }

    /// The record that GRDB makes of such a row, by the names of the columns.
    ///
    /// - Throws: What the record throws for a row that it does not fit.
    public func decode<Record: FetchableRecord>(_ type: Record.Type = Record.self) throws -> Record {
        let values = zip(columns, values).map { ($0, $1 as (any DatabaseValueConvertible)?) }
        return try Record(row: Row(Dictionary(values) { first, _ in first }))
    }

    /// The same row with its columns in another order; nil when it has others.
    func ordered(by names: [String]) -> SQLRow? {
        guard names != columns else { return self }
        let values = names.compactMap { self[$0] }
        return values.count == names.count ? SQLRow(columns: names, values: values) : nil
    }

    public var description: String {
        zip(columns, values).map { "\($0): \($1)" }.joined(separator: ", ")
    }

    public static func == (left: SQLRow, right: SQLRow) -> Bool {
        left.columns == right.columns
            && zip(left.values, right.values).allSatisfy { isSame($0.storage, $1.storage) }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(values) }

    private static func isSame(_ left: DatabaseValue.Storage, _ right: DatabaseValue.Storage) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.int64(let left), .int64(let right)): left == right
        case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern
        case (.string(let left), .string(let right)): left.hasSameBytes(as: right)
        case (.blob(let left), .blob(let right)): left == right
        default: false
        }
    }
}
