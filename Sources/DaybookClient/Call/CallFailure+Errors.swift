#if Client
import DaybookCore

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
#endif
