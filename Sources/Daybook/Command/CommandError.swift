import DaybookCore

/// Why a command was not carried out. Nothing was recorded, unless ``mayBeRecorded`` says that it may have been.
public enum CommandError<Rejection: Error & Sendable>: Error, CustomStringConvertible {
    /// The domain said no.
    case rejected(Rejection)
    /// The domain said no to one command of several, counted from 0; none of them was carried out.
    case rejectedInBatch(Rejection, index: Int)
    /// Other writers were first, as often as the retry policy allows.
    case conflict(attempts: Int, stream: StreamName)
    case append(AppendError)
    case read(ReadError)
    /// The stream has an event that this program cannot read, so that there is no state to decide on.
    case undecodable(EventDecodingError)
    /// The decided event cannot be written.
    case unencodable(EventEncodingError)
    /// The subject's identifier makes no stream name.
    case invalidID(InvalidName)
    /// The caller's task was cancelled.
    case cancelled(mayBeRecorded: Bool)

    /// Whether the command may have had its effect all the same. Repeat it with the same command identifier to learn
    /// its result.
    public var mayBeRecorded: Bool {
        switch self {
        case .append(.storageFailed(_, let mayBeWritten)), .append(.cancelled(let mayBeWritten)): mayBeWritten
        case .cancelled(let mayBeRecorded): mayBeRecorded
        default: false
        }
    }

    public var description: String {
        switch self {
        case .rejected(let rejection): "The command was rejected: \(RejectionText.sentence(rejection))"
        case .rejectedInBatch(let rejection, let index):
            "Command \(index) of the batch was rejected: \(RejectionText.sentence(rejection)) None of the batch was carried out."
        case .conflict(let attempts, let stream):
            "Other writers changed stream '\(stream)' during each of \(attempts) attempts; nothing was recorded: try "
                + "again later, or allow more attempts."
        case .append(let error): error.description
        case .read(let error): error.description
        case .undecodable(let error): error.description
        case .unencodable(let error): error.description
        case .invalidID(let error): error.description
        case .cancelled(let mayBeRecorded):
            mayBeRecorded
                ? "The command was cancelled while it was being recorded: repeat it with the same command identifier to "
                    + "learn its result."
                : "The command was cancelled; nothing was recorded."
        }
    }
}

extension CommandError: Equatable where Rejection: Equatable {}

extension CommandError {
    init(_ error: AppendError) {
        if case .cancelled(let mayBeWritten) = error {
            self = .cancelled(mayBeRecorded: mayBeWritten)
        } else {
            self = .append(error)
        }
    }

    init(_ error: ReadError) { self = error == .cancelled ? .cancelled(mayBeRecorded: false) : .read(error) }

    /// The error of a command that is recorded, of which the receipt cannot be read again.
    init(recorded error: ReadError) {
        self = error == .cancelled ? .cancelled(mayBeRecorded: true) : .append(.notReadAgain(error.description))
    }

    init(_ error: StateError) {
        switch error {
        case .invalidID(let error): self = .invalidID(error)
        case .read(let error): self.init(error)
        case .undecodable(let error): self = .undecodable(error)
        }
    }
}
