import DaybookCore

/// The message at which a key of an ``EventReceiver`` stopped, whole.
public struct ParkedMessage: Sendable {
    /// The event's ``CloudEvent/orderingKey``; the origin of what is no event.
    public let key: String
    public let message: ReceivedMessage
    public let reason: String
    public let parkedAt: Timestamp
    /// Later messages of the key, which wait for it.
    public let waiting: Int
}
