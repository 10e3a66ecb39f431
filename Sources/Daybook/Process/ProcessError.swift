import DaybookCore

/// Why a process manager's runner stopped. Nothing is lost: run it again when the cause is mended.
public enum ProcessError: Error, Equatable, CustomStringConvertible {
    /// An input, or an event of a process, that this program cannot read.
    case undecodable(EventDecodingError)
    /// The process manager's own code threw.
    case failed(at: ProjectionError.Place, reason: String)
    /// Reacting to a deadline or a rejection threw.
    case reactionFailed(process: StreamName, to: String, reason: String)
    case unencodable(EventEncodingError)
    /// A process's identifier makes no stream name.
    case invalidID(InvalidName)
    /// Another runner of the same process manager has moved on: stop one of them.
    case moved(category: Category)
    /// The process manager's own events have the prefix `process`, which is the runner's.
    case reservedPrefix
    case append(AppendError)
    case read(ReadError)
    /// The open deadlines could not be kept.
    case timers(ProjectionError)
    /// The commands could not be sent.
    case sending(ConsumerError)
    case cancelled

    public var description: String {
        switch self {
        case .undecodable(let error): "The process manager stopped before position \(error.position). \(error)"
        case .failed(let place, let reason):
            "The process manager stopped before event '\(place.type)' at version \(place.version) of stream "
                + "'\(place.stream)' (position \(place.position)): \(reason)"
        case .reactionFailed(let process, let cause, let reason):
            "The process '\(process)' could not react to \(cause): \(reason)"
        case .unencodable(let error): error.description
        case .invalidID(let error): error.description
        case .moved(let category):
            "Another runner of the process manager '\(category)' has moved on: stop one of them."
        case .reservedPrefix: "Events with the prefix 'process' are the runner's: give the process's own another."
        case .append(let error): error.description
        case .read(let error): error.description
        case .timers(let error): error.description
        case .sending(let error): error.description
        case .cancelled: "The process manager was cancelled."
        }
    }
}

extension ProcessError {
    init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
    init(_ error: ProjectionError) { self = error == .cancelled ? .cancelled : .timers(error) }
    init(_ error: ConsumerError) { self = error == .cancelled ? .cancelled : .sending(error) }
    init(_ error: AppendError) {
        if case .cancelled = error { self = .cancelled } else { self = .append(error) }
    }
}
