import DaybookCore

/// Why a read model's database cannot be used. The log is unharmed, and nothing was changed.
public enum SQLReadModelError: Error, Equatable, CustomStringConvertible {
    /// A crash or a power cut could part the rows from the checkpoint, or damage the file.
    case unsafeSettings(journalMode: String, synchronous: Int)
    /// The projection's own code that creates its tables threw.
    case tablesNotCreated(model: ReadModelName, reason: String)
    /// The read model is ahead of the log: it was made of another one, or of this one before it was restored.
    case beyondLog(model: ReadModelName, position: Position, head: Position)
    /// The log has another event where the read model saw one.
    case otherLog(model: ReadModelName, position: Position, applied: EventID, recorded: EventID)
    case read(ReadError)
    case storageFailed(reason: String)
    case cancelled

    public var description: String {
        switch self {
        case .unsafeSettings(let journalMode, let synchronous):
            "The database has journal_mode=\(journalMode) and synchronous=\(synchronous), with which a crash can damage "
                + "it: open it as a DatabasePool, or with journal_mode=WAL and synchronous=NORMAL (1) or above, or with "
                + "a rollback journal and synchronous=FULL (2) or above."
        case .tablesNotCreated(let model, let reason):
            "The tables of read model '\(model)' were not created (\(reason)): where one exists already, delete the read "
                + "model that it belongs to, or call the new one's otherwise."
        case .beyondLog(let model, let position, let head):
            "Read model '\(model)' is at position \(position), and the log ends at \(head): it was made of another log, or "
                + "the log was restored. Delete the read model; it is made again from the log."
        case .otherLog(let model, let position, let applied, let recorded):
            "Read model '\(model)' was made of another log: at position \(position) it saw event \(applied), and the log "
                + "has \(recorded). Delete the read model; it is made again from the log."
        case .read(let error): error.description
        case .storageFailed(let reason): "The read model's database failed (\(reason))."
        case .cancelled: "The task was cancelled."
        }
    }
}

extension SQLReadModelError {
    init(_ error: any Error) {
        self =
            switch error {
            case let error as SQLReadModelError: error
            case is CancellationError, ReadError.cancelled: .cancelled
            case let error as ReadError: .read(error)
            default: .storageFailed(reason: String(describing: error))
            }
    }
}
