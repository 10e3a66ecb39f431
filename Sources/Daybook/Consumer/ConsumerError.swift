import DaybookCore

/// Why a consumer group, or a member of it, stopped. What was not acknowledged is delivered again.
public enum ConsumerError: Error, Equatable, CustomStringConvertible {
    case refused(ConsumerRefusal)
    /// An event cannot be read, and the group's policy is to stop (``UnreadableEventPolicy/stop``).
    case undecodable(EventDecodingError)
    case read(ReadError)
    /// The state of the group could not be read or saved.
    case store(DerivedStateError)
    /// The stored state of the group is not what this program writes.
    case unreadableState(group: ConsumerGroupName, document: String, reason: String)
    /// An event that the group is to deliver is not in the log at its position.
    case eventMissing(Position)
    /// The group holds as many parked and waiting events as it may, and reads no further.
    case tooManyHeld(Int)
    case cancelled

    public var description: String {
        switch self {
        case .refused(let refusal): refusal.description
        case .undecodable(let error): error.description
        case .read(let error): error.description
        case .store(let error): error.description
        case .unreadableState(let group, let document, let reason):
            "Document '\(document)' of consumer group '\(group)' has another shape (\(reason)): run the program that "
                + "wrote it."
        case .eventMissing(let position):
            "The log has no event at position \(position), which the consumer group was to deliver: check that it is "
                + "the log that the group was made for."
        case .tooManyHeld(let count):
            "The consumer group holds \(count) parked events and events that wait behind them, and reads no further: replay "
                + "or skip the parked ones."
        case .cancelled: "The consumer group's call was cancelled."
        }
    }
}

extension ConsumerError {
    init(_ error: ReadError) { self = error == .cancelled ? .cancelled : .read(error) }
    init(_ error: DerivedStateError) { self = error == .cancelled ? .cancelled : .store(error) }
}
