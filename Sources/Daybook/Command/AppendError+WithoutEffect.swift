import DaybookCore

extension AppendError {
    /// The error of an append that records a rejection: whatever became of it, the command had no effect.
    var withoutEffect: AppendError {
        switch self {
        case .storageFailed(let reason, _): .storageFailed(reason: reason, mayBeWritten: false)
        case .cancelled: .cancelled(mayBeWritten: false)
        default: self
        }
    }
}
