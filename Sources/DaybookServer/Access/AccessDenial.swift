#if Server
import DaybookProtocol

/// Why somebody is not let in, before it is put into the words of a protocol.
enum AccessDenial: Error, Sendable, Hashable {
    /// No credentials came, or wrong ones: which, and why, is not told.
    case unauthenticated
    /// They are known, and lack a right.
    case denied(MissingRight)
    /// Too many logins have failed from where the client is.
    case tooManyFailures
    /// More passwords wait to be looked at than the server has room for.
    case busy
    /// The store could not tell who may do what.
    case unavailable(String)
}

extension RPCStatus {
    static let unauthenticated = RPCStatus(.unauthenticated, "Unauthenticated")

    init(_ denial: AccessDenial) {
        switch denial {
        case .unauthenticated: self = .unauthenticated
        case .denied: self = .accessDenied  // As clients of KurrentDB know it, to the letter.
        case .tooManyFailures:
            self = RPCStatus(.resourceExhausted, "Too many logins have failed: wait a minute, and check the password.")
        case .busy: self = RPCStatus(.unavailable, "Server Is Too Busy")
        case .unavailable(let text): self = RPCStatus(.unavailable, text)
        }
    }

    /// The same to clients of the store's own protocol, who read the words as they are.
    init(store denial: AccessDenial) {
        switch denial {
        case .denied(let missing):
            self = RPCStatus(.permissionDenied, missing.description).adding("exception", "access-denied")
        default: self.init(denial)
        }
    }

    /// Of work that was ended because the right to it was, when a part of it may be done.
    init(ending denial: AccessDenial) {
        self.init(.aborted, "It was ended midway, and a part of it may be done: \(denial.storeReason)")
    }
}

extension AccessDenial {
    /// What stands in the place of a failure of the storage, where an error of the store has no other word for it.
    var storeReason: String {
        switch self {
        case .denied(let missing): "\(AccessRefusal.notAllowed): \(missing)"
        case .unauthenticated: AccessRefusal.unknown
        case .tooManyFailures, .busy, .unavailable: RPCStatus(self).message
        }
    }

    /// One word for the log.
    var word: String {
        switch self {
        case .unauthenticated: "unauthenticated"
        case .denied: "denied"
        case .tooManyFailures: "tooManyFailures"
        case .busy: "busy"
        case .unavailable: "unavailable"
        }
    }

    /// What else there is to say of it in the log.
    var details: String? {
        switch self {
        case .denied(let missing): missing.description
        case .unavailable(let text): text
        case .unauthenticated, .tooManyFailures, .busy: nil
        }
    }
}
#endif
