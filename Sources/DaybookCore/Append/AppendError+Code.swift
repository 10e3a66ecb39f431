extension AppendError {
    /// The case's name, for programs.
    package var code: String {
        switch self {
        case .wrongExpectedVersion: "wrongExpectedVersion"
        case .streamTombstoned: "streamTombstoned"
        case .conditionFailed: "conditionFailed"
        case .commandReused: "commandReused"
        case .invalid: "invalid"
        case .unsupported: "unsupported"
        case .refused: "refused"
        case .storageFailed: "storageFailed"
        case .cancelled: "cancelled"
        case .closed: "closed"
        }
    }

    /// Whether the events may be in the log although the append threw.
    package var mayBeWritten: Bool {
        switch self {
        case .storageFailed(_, let mayBeWritten), .cancelled(let mayBeWritten): mayBeWritten
        default: false
        }
    }
}
