import DaybookCore

/// An event that a consumer group was told to leave out.
public struct SkippedEvent: Sendable, Hashable, Codable {
    public var position: Position
    public var key: ConsumerKey
    /// At most 1 000 characters.
    public var reason: String
    public var skippedAt: Timestamp
}
