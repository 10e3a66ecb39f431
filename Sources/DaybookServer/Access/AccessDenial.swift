#if Server
/// Why somebody is not let in, before it is put into the words of a protocol.
enum AccessDenial: Error, Sendable, Hashable {
    /// No credentials came, or wrong ones: which, and why, is not told.
    case unauthenticated
    case denied
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
        case .denied: self = .accessDenied
        case .tooManyFailures:
            self = RPCStatus(.resourceExhausted, "Too many logins have failed: wait a minute, and check the password.")
        case .busy: self = RPCStatus(.unavailable, "Server Is Too Busy")
        case .unavailable(let text): self = RPCStatus(.unavailable, text)
        }
    }
}
#endif
