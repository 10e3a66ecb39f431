/// What a consumer group does with an event that its program cannot read: of a type that it does not know, of a newer
/// version, or with data of another shape. Nothing is skipped.
public enum UnreadableEventPolicy: Sendable, Hashable {
    /// Parks the event: its key waits, and others go on, until it is replayed by a program that can read it.
    case park
    /// Stops the member with ``ConsumerError/undecodable(_:)``. The event is given back, and its delivery does not count.
    case stop
}
