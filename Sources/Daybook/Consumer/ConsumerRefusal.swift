import DaybookCore

/// Why a consumer group did not do what it was asked. Nothing was changed.
public enum ConsumerRefusal: Error, Equatable, CustomStringConvertible {
    /// The member's lease has run out, or a member of the same name has joined: it may change nothing any more.
    case leaseLost(token: Int64)
    /// The event is not the one's who answers: it was settled, or its delivery was taken away with a lease.
    case deliveryLost(position: Position, fence: Int64)
    /// The key is not parked: it never was, or is being replayed.
    case keyNotParked(ConsumerKey)
    /// No key is parked at this event.
    case eventNotParked(Position)

    public var description: String {
        switch self {
        case .leaseLost(let token):
            "The lease with token \(token) has run out or was taken over: join again; what was not acknowledged is "
                + "delivered again."
        case .deliveryLost(let position, let fence):
            "The event at position \(position) is not delivered with fence \(fence) any more: drop the answer; the "
                + "event is with another member, or settled."
        case .keyNotParked(let key):
            "Key '\(key)' is not parked: look at the list of parked events."
        case .eventNotParked(let position):
            "No key is parked at position \(position): look at the list of parked events."
        }
    }
}
