import DaybookCore

/// An event in the hands of a consumer group's member.
public struct ConsumerDelivery<Event: Sendable>: Sendable {
    /// What the recorded event is today: one event as a rule, several where an upcaster split it. Never none.
    public let events: [Event]
    public let recorded: RecordedEvent
    public let key: ConsumerKey
    /// From 1; more than 1 when it was not acknowledged before. Saved before the event is handed over.
    public let attempt: Int
    /// Higher than that of every delivery before it, in the whole group. A resource that remembers the highest fence
    /// of a key, and refuses lower ones, is safe from a member that was thought dead.
    public let fence: Int64
    /// Whether it may have been handed over before, also when ``attempt`` is 1: a member that leaves in good order gives back what it
    /// has not finished, and a replay counts from 1 again.
    public internal(set) var isRepeated = false
}
