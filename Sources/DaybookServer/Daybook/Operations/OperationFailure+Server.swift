#if Server
import DaybookCore
import DaybookProtocol

extension OperationFailure {
    init(_ error: UpkeepError) {
        let code: Code =
            switch error.code {
            case .damaged: .damaged
            case .cannotCreate: .cannotCreate
            case .inUse: .busy
            case .storageFailed: .storageFailed
            case .cancelled: .cancelled
            case .closed: .closed
            }
        self.init(code, error.description)
    }

    /// What the server's parts throw that change users and groups.
    init(_ error: any Error) {
        switch error {
        case let error as OperationFailure: self = error
        case let error as UserFailure: self.init(Self.code(error), HTTPProblem(error).detail)
        case let error as AccessDenial: self.init(Self.code(error), HTTPProblem(error).detail)
        case let error as GroupStorageError:
            self.init(
                .storageFailed,
                "\(RPCStatus(error).message): a part of it may be done, see how things stand and ask again.")
        case let error as RPCStatus: self.init(Self.code(error), error.message)
        case let error as KurrentFailure: self.init(.storageFailed, RPCStatus(error).message)
        case let error as ReadError: self.init(.storageFailed, error.description)
        case is CancellationError: self.init(.cancelled, "The server gave the call up: ask again.")
        default: self.init(.failed, RPCStatus.unforeseen.message)
        }
    }

    private static func code(_ failure: UserFailure) -> Code {
        switch failure {
        case .notFound: .notFound
        case .exists: .exists
        case .conflict: .busy
        case .wrongPassword, .invalid, .unreadable: .invalid
        case .unavailable: .storageFailed
        }
    }

    private static func code(_ denial: AccessDenial) -> Code {
        switch denial {
        case .unauthenticated, .denied: .denied
        case .tooManyFailures, .busy: .busy
        case .unavailable: .failed
        }
    }

    private static func code(_ status: RPCStatus) -> Code {
        switch status.code {
        case .notFound: .notFound
        case .alreadyExists: .exists
        case .invalidArgument, .failedPrecondition, .outOfRange, .internalError: .invalid
        case .resourceExhausted, .unavailable, .aborted: .busy
        case .cancelled: .cancelled
        default: .failed
        }
    }
}
#endif
