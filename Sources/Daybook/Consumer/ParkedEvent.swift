import DaybookCore

/// The event at which a key of a consumer group stopped: its place in the log, not a copy.
public struct ParkedEvent: Sendable, Hashable {
    public var position: Position
    public var key: ConsumerKey
    public var reason: String
    public var parkedAt: Timestamp
    /// How often it was delivered.
    public var deliveries: Int
    /// Later events of the key, which wait for it.
    public var waiting: Int
}
