import DaybookCore

/// Why a command on several subjects was not carried out. Nothing was recorded, unless ``mayBeRecorded`` says that it
/// may have been.
public enum BoundaryError<Rejection: Error & Sendable>: Error, CustomStringConvertible {
    /// The domain said no.
    case rejected(Rejection)
    /// Events were added inside the boundary during every attempt that the retry policy allows.
    case conflict(attempts: Int)
    /// A decided event lies outside of the boundary of its command, so that the next decision would not see it: it lacks
    /// a tag, or the boundary lacks its type.
    case outsideBoundary(type: EventType, stream: StreamName, tags: [Tag])
    /// The command was to be recorded, and its boundary takes in the records of commands.
    case recordInsideBoundary(type: EventType, stream: StreamName)
    case append(AppendError)
    case read(ReadError)
    /// An event inside the boundary that this program cannot read.
    case undecodable(EventDecodingError)
    /// A decided event that cannot be written.
    case unencodable(EventEncodingError)
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
        case .conflict(let attempts):
            "Events were added inside the command's boundary during each of \(attempts) attempts; nothing was recorded: "
                + "try again later, or allow more attempts."
        case .outsideBoundary(let type, let stream, let tags):
            "The decided event '\(type)' of stream '\(stream)' has the tags \(tags.map(\.rawValue)), which the boundary of "
                + "its own command does not take in: give the event the tags of its subjects, or widen the boundary."
        case .recordInsideBoundary(let type, let stream):
            "The command was to be recorded in stream '\(stream)', and its own boundary takes in events of type "
                + "'\(type)' without tags: name tags, or other types, in each item of the boundary."
        case .append(let error): error.description
        case .read(let error): error.description
        case .undecodable(let error): error.description
        case .unencodable(let error): error.description
        case .cancelled(let mayBeRecorded):
            mayBeRecorded
                ? "The command was cancelled while it was being recorded: repeat it with the same command identifier to "
                    + "learn its result."
                : "The command was cancelled; nothing was recorded."
        }
    }
}

extension BoundaryError: Equatable where Rejection: Equatable {}

extension BoundaryError {
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
}
