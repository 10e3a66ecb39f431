import DaybookCore

extension AppendError {
    /// The error of a command that was recorded before, of which something cannot be read again.
    static func notReadAgain(_ reason: String) -> AppendError {
        .storageFailed(reason: "the command is recorded, and cannot be read again: \(reason)", mayBeWritten: true)
    }

    /// The error of an append that records a rejection: whatever became of it, the command had no effect.
    var withoutEffect: AppendError {
        switch self {
        case .storageFailed(let reason, _): .storageFailed(reason: reason, mayBeWritten: false)
        case .cancelled: .cancelled(mayBeWritten: false)
        default: self
        }
    }
}
