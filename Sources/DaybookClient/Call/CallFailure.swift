#if Client
import DaybookProtocol

/// Why a call has no answer of the store.
struct CallFailure: Error, Sendable {
    enum Kind: Sendable, Equatable {
        /// The caller's task was cancelled.
        case cancelled
        /// The client was closed.
        case closed
        /// The time of the operation is over.
        case timedOut
        /// The connection ended, or the call alone, or the server cannot answer now: a further attempt may succeed.
        case interrupted
        /// The server does not do what is asked for, for a reason that no further attempt mends.
        case refused(Refusal)
        /// What came is no answer.
        case unintelligible
    }

    enum Refusal: Sendable, Equatable {
        /// The request is larger than the server takes.
        case tooLarge
        /// The server takes no more from where the client is, for now.
        case exhausted
        /// The request breaks a bound of the protocol.
        case invalid
        /// The server's store cannot do this.
        case unimplemented
        /// The server does not know who asks, or they may not.
        case denied
        /// The server failed.
        case failed
    }

    let kind: Kind
    let reason: String
    /// Whether the server may have done what was asked for, in this attempt or in one before.
    var mayHaveEffect: Bool

    init(_ kind: Kind, _ reason: String, mayHaveEffect: Bool) {
        self.kind = kind
        self.reason = reason
        self.mayHaveEffect = mayHaveEffect
    }

    /// What a gRPC status other than OK says.
    ///
    /// See https://github.com/grpc/grpc/blob/master/doc/statuscodes.md
    init(status code: Int, _ message: String) {
        switch code {
        case 1, 14: self.init(.interrupted, "the server said: \(message)", mayHaveEffect: true)
        case 3: self.init(.refused(.invalid), message, mayHaveEffect: false)
        case 4: self.init(.timedOut, "the server said: \(message)", mayHaveEffect: true)
        case 7:
            self.init(
                .refused(.denied), "\(AccessRefusal.notAllowed): \(message)", mayHaveEffect: false)
        case 16:
            self.init(
                .refused(.denied),
                "\(AccessRefusal.unknown), send a user and password, a token or a certificate; as long as there are no users, the "
                    + "token that the server says when it starts makes the first one, by 'daybook users add': \(message)",
                mayHaveEffect: false)
        case 8: self.init(.refused(.exhausted), message, mayHaveEffect: false)
        case 12: self.init(.refused(.unimplemented), message, mayHaveEffect: false)
        default: self.init(.refused(.failed), "status \(code): \(message)", mayHaveEffect: true)
        }
    }
}
#endif
