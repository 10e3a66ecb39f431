import DaybookCore

/// How far a rebuild has come.
public struct RebuildProgress: Sendable, Hashable {
    /// The position reached.
    public var position: Position
    /// The last position of the log.
    public var head: Position
    /// How long the rest takes at the speed so far; nil before the first batch.
    public var timeLeft: Duration?

    public init(position: Position, head: Position, timeLeft: Duration?) {
        self.position = position
        self.head = head
        self.timeLeft = timeLeft
    }

    /// The part that is done, 0 to 1.
    public var fraction: Double {
        head.rawValue == 0 ? 1 : min(1, Double(position.rawValue) / Double(head.rawValue))
    }
}
