#if Client
import DaybookCore
import DaybookProtocol

extension AppendError {
    init(_ failure: CallFailure) {
        switch failure.kind {
        case .cancelled: self = .cancelled(mayBeWritten: failure.mayHaveEffect)
        case .closed where !failure.mayHaveEffect: self = .closed
        case .refused(.tooLarge) where !failure.mayHaveEffect, .refused(.invalid) where !failure.mayHaveEffect:
            self = .unsupported(reason: failure.reason)
        case .closed, .timedOut, .interrupted, .refused, .unintelligible:
            self = .storageFailed(reason: failure.reason, mayBeWritten: failure.mayHaveEffect)
        }
    }
}

extension ReadError {
    init(_ failure: CallFailure) {
        switch failure.kind {
        case .cancelled: self = .cancelled
        case .closed: self = .closed
        case .timedOut, .interrupted, .refused, .unintelligible: self = .storageFailed(reason: failure.reason)
        }
    }
}

extension DerivedStateError {
    init(_ failure: CallFailure) {
        switch failure.kind {
        case .cancelled: self = .cancelled
        case .closed: self = .closed
        case .timedOut, .interrupted, .refused, .unintelligible: self = .storageFailed(reason: failure.reason)
        }
    }
}

extension LogCopyError {
    init(_ failure: CallFailure) {
        switch failure.kind {
        case .cancelled: self = .cancelled
        case .closed where !failure.mayHaveEffect: self = .closed
        case .closed, .timedOut, .interrupted, .refused, .unintelligible:
            self = .storageFailed(reason: failure.reason, mayBeWritten: failure.mayHaveEffect)
        }
    }
}

extension OperationFailure {
    /// - Parameter changes: Whether what was asked for changes something: then it is told where that may have happened.
    init(_ failure: CallFailure, changes: Bool = false) {
        switch failure.kind {
        case _ where changes && failure.mayHaveEffect: self.init(inDoubt: failure.reason)
        case .cancelled: self.init(.cancelled, "The task was cancelled.")
        case .closed: self.init(.closed, "The client is closed.")
        case .timedOut, .interrupted:
            self.init(
                .unreachable,
                "The server does not answer (\(failure.reason)): see whether it runs, whether it has TLS (an address of one "
                    + "without ends in ?tls=false), and whether its certificate is of an authority that is known here "
                    + "(?tlsCaFile=FILE), and ask again.")
        case .refused(.denied): self.init(.denied, "The server refused: \(failure.reason)")
        case .refused(.unimplemented):
            self.init(.unsupported, "The server, or its store, does nothing of the kind: \(failure.reason)")
        case .refused(.tooLarge): self.init(.invalid, failure.reason)
        case .refused(.exhausted): self.init(.busy, failure.reason)
        case .refused(.invalid): self.init(.invalid, failure.reason)
        case .refused(.failed), .unintelligible: self.init(.failed, failure.reason)
        }
    }

    /// The answer to an attempt was lost, and nothing that came after it tells what has become of it.
    init(inDoubt reason: String) {
        self.init(
            .failed, "The server may have done it, or not (\(reason)): see how things stand before you ask again.")
    }
}
#endif
