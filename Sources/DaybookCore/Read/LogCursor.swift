/// Where a read of the whole log begins. The event named is the first one returned, in either direction.
public enum LogCursor: Sendable, Hashable {
    /// The first event; a backward read from here returns it alone.
    case start
    /// The last event; a forward read from here returns it alone.
    case end
    /// Forward: the first event at or above this position. Backward: the last at or below it.
    case position(Position)
    /// Forward: the first event recorded at or after this time. Backward: the last recorded at or before it.
    case time(Timestamp)

    /// Goes on behind an event, forward: what a checkpoint means.
    public static func after(_ position: Position) -> LogCursor {
        .position(position.rawValue == .max ? position : position.next)
    }
}
