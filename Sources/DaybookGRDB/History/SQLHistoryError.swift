import Daybook
import DaybookCore

/// Why the past of a read model's rows, or a difference of rows, cannot be told. The log and the read model are unharmed.
public enum SQLHistoryError: Error, Equatable, CustomStringConvertible {
    case projection(ProjectionError)
    case readModel(SQLReadModelError)
    /// The SQL that asks for the rows, or the code that was given to read them, failed.
    case queryFailed(reason: String)
    /// The rows that are compared have no such column.
    case noColumn(String, sql: String)
    /// Two rows have one key, so that it cannot be told which is to be compared with which.
    case duplicateKey(String, sql: String)
    /// Nowhere to keep copies was given.
    case noFolder

    public var description: String {
        switch self {
        case .projection(let error): error.description
        case .readModel(let error): error.description
        case .queryFailed(let reason): "The rows could not be read: \(reason)"
        case .noColumn(let column, let sql):
            "The rows have no column '\(column)', which is to be a part of their key: \(sql)"
        case .duplicateKey(let key, let sql):
            "Two rows have the key \(key), so that they cannot be compared: add a column that tells them apart. \(sql)"
        case .noFolder: "There is no folder for copies: say where to keep them with keepingCopies(in:)."
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
}
