#if Server
import DaybookCore

/// How a call, or an append, ended: few kinds, the same for all protocols.
enum CallOutcome: Int, Sendable, CaseIterable {
    case ok
    /// What was asked for cannot be done as the log is, or as it was asked.
    case refused
    /// The caller may not do it.
    case denied
    /// A limit was met, or the server ends, or the store is closed.
    case unavailable
    /// The caller gave it up, or had no more time.
    case cancelled
    /// The server, or its storage, has failed.
    case failed

    init(_ code: RPCStatus.Code) {
        switch code {
        case .ok: self = .ok
        case .cancelled, .deadlineExceeded: self = .cancelled
        case .permissionDenied, .unauthenticated: self = .denied
        case .resourceExhausted, .unavailable: self = .unavailable
        case .unknown, .internalError, .dataLoss: self = .failed
        case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .aborted, .outOfRange, .unimplemented:
            self = .refused
        }
    }

    init(httpStatus code: Int) {
        switch code {
        case ..<400: self = .ok
        case 401, 403: self = .denied
        case 429, 503: self = .unavailable
        case 499: self = .cancelled
        case ..<500, 501: self = .refused
        default: self = .failed
        }
    }

    init(_ error: AppendError) {
        switch error {
        case .wrongExpectedVersion, .streamTombstoned, .conditionFailed, .commandReused, .invalid, .unsupported,
            .refused:
            self = .refused
        case .storageFailed: self = .failed
        case .cancelled: self = .cancelled
        case .closed: self = .unavailable
        }
    }

    /// Of what a method or a route throws.
    init(_ error: any Error) {
        switch error {
        case let status as RPCStatus: self = CallOutcome(status.code)
        case let problem as HTTPProblem: self = CallOutcome(httpStatus: problem.status.code)
        case AccessDenial.denied, AccessDenial.unauthenticated: self = .denied
        case is AccessDenial: self = .unavailable
        case let error as AppendError: self = CallOutcome(error)
        case is CancellationError, ReadError.cancelled, is HTTPBodies.ConnectionFailure: self = .cancelled
        case ReadError.closed: self = .unavailable
        case ReadError.invalidLimit, ReadError.queryTooLarge: self = .refused
        case KurrentFailure.accessDenied: self = .denied
        case KurrentFailure.unavailable: self = .unavailable
        case KurrentFailure.cancelled: self = .cancelled
        case KurrentFailure.doubtful: self = .failed
        case is KurrentFailure: self = .refused
        default: self = .failed
        }
    }
}
#endif
