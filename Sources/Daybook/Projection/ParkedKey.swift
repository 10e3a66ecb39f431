import DaybookCore

/// A key of a projection that has stopped before an event, which failed; its document, or its rows, are as they were before
/// that event.
public struct ParkedKey: Sendable, Hashable {
    public var key: String
    /// The event: its place in the log, not a copy.
    public var position: Position
    public var reason: String

    public init(key: String, position: Position, reason: String) {
        self.key = key
        self.position = position
        self.reason = reason
    }
}
