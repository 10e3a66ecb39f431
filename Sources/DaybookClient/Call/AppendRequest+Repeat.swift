#if Client
import DaybookCore

extension AppendRequest {
    /// Whether the contract of a store lets the request be made again when its answer was lost, for ever and whatever else was
    /// recorded: it has a command identifier, or all that it writes are events at versions that were seen.
    var isRepeatable: Bool {
        if commandID != nil { return true }
        return !writes.isEmpty
            && writes.allSatisfy { write in
                guard case .append = write.action else { return false }
                switch write.expected {
                case .noStream, .version: return true
                case .any, .streamExists: return false
                }
            }
    }
}

extension AppendError {
    /// Whether the error of a repeated request holds of the attempt before as well, whose answer was lost, and which may reach
    /// the store after this one, from a connection that ended.
    ///
    /// A stream at a later version than the one expected never comes back to that, while one that exists may be deleted, and what
    /// a read model refuses it may take later.
    var holdsForEver: Bool {
        switch self {
        case .wrongExpectedVersion(_, .version(let expected), let actual): actual.map { $0 > expected } ?? false
        case .wrongExpectedVersion: false
        case .streamTombstoned, .conditionFailed, .commandReused, .unsupported: true
        case .invalid(.conditionBeyondHead): false
        case .invalid: true
        case .refused, .storageFailed, .cancelled, .closed: false
        }
    }
}
#endif
