import CSQLite
import DaybookCore

/// What can go wrong inside the store, before it is told to a caller as an error of the task at hand.
enum StoreFailure: Error {
    case sqlite(SQLiteFailure)
    /// A record of the log is not what was written.
    case damaged(position: Int64?, stream: StreamName?, reason: String)
    /// The archive that holds an event cannot be read.
    case archive(position: Int64, file: String, reason: String)
    /// A part of the index is not what was written: it can be built again.
    case indexDamaged(String)
    /// Nothing is written until the file is opened anew, because of an earlier failure.
    case stopped(String)
    /// The index moved on while it was being read: read again.
    case outdated

    init(reading failure: SQLiteFailure, fromIndex: Bool) {
        if failure.isCorruption || failure.message.contains("no such table") {
            self =
                fromIndex
                ? .indexDamaged(failure.description)
                : .damaged(position: nil, stream: nil, reason: failure.description)
        } else {
            self = .sqlite(failure)
        }
    }

    func readError(file: String) -> ReadError {
        switch self {
        case .sqlite(let failure): .storageFailed(reason: "\(file): \(failure)")
        case .damaged(let position, let stream, let reason):
            .corrupted(position: position.map { Position($0) }, stream: stream, file: file, reason: reason)
        case .archive(let position, let archive, let reason):
            .archiveUnreadable(position: Position(position), file: archive, reason: reason)
        case .outdated: .storageFailed(reason: "\(file): the index moved on while it was read")
        case .stopped(let reason): .storageFailed(reason: "\(file): \(reason); open it again")
        case .indexDamaged(let reason): .corrupted(position: nil, stream: nil, file: file, reason: reason)
        }
    }

    func reason(file: String) -> String {
        switch self {
        case .sqlite(let failure): "\(file): \(failure)"
        case .stopped(let reason): "\(file): \(reason); open it again"
        case .damaged, .archive, .indexDamaged, .outdated: readError(file: file).description
        }
    }
}
