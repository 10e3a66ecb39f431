import Daybook
import DaybookCore
import GRDB

/// Why the past of a read model's rows, or a difference of rows, cannot be told. The log and the read model are unharmed.
public enum SQLHistoryError: Error, Equatable, CustomStringConvertible {
    /// An event cannot be read or applied, the log cannot be read, or the task was cancelled.
    case projection(ProjectionError)
    /// A scratch database failed, such as for want of room in the temporary folder.
    case readModel(SQLReadModelError)
    /// A snapshot was made of another log, or of this one before it was restored; or it is damaged.
    case unusableSnapshot(at: Position, reason: String)
    /// The SQL that asks for the rows, or the code that was given to read them, failed.
    case queryFailed(reason: String)
    /// The rows that are compared have no such column.
    case noColumn(String, sql: String)
    /// The rows that are compared have other columns than one another.
    case otherColumns([String], than: [String])
    /// Two rows have one key, so that it cannot be told which is to be compared with which.
    case duplicateKey(String, sql: String)
    /// Nowhere to keep snapshots was given.
    case noFolder

    public var description: String {
        switch self {
        case .projection(let error): error.description
        case .readModel(let error): error.description
        case .unusableSnapshot(let position, let reason):
            "The snapshot at position \(position) cannot be used (\(reason)): delete the snapshots with "
                + "deleteSnapshots(); rows of the past are made of the log again."
        case .queryFailed(let reason): "The rows could not be read: \(reason)"
        case .noColumn(let column, let sql):
            "The rows have no column '\(column)', which is to be a part of their key: select it, or take it out of the "
                + "key. \(sql)"
        case .otherColumns(let columns, let others):
            "The rows have the columns \(columns.joined(separator: ", ")), and those that they are compared with "
                + "\(others.joined(separator: ", ")): select the same ones."
        case .duplicateKey(let key, let sql):
            "Two rows have the key \(key), so that they cannot be compared: add a column that tells them apart. \(sql)"
        case .noFolder: "There is no folder for snapshots: say where to keep them with keepingSnapshots(in:)."
        }
    }
}

extension SQLHistoryError {
    init(_ error: any Error) {
        self =
            switch error {
            case let error as SQLHistoryError: error
            case let error as ProjectionError: .projection(error)
            case let error as ReadError: .projection(ProjectionError(error))
            case is CancellationError: .projection(.cancelled)
            default: .readModel(SQLReadModelError(error))
            }
    }

    /// Runs a query; what is wrong with it, and not with the database or the task, is told as such.
    static func query<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch {
            switch error {
            case is SQLHistoryError, is CancellationError: throw error
            case let failure as DatabaseError where failure.resultCode.isOfStorage: throw error
            default: throw SQLHistoryError.queryFailed(reason: "\(error)")
            }
        }
    }
}
