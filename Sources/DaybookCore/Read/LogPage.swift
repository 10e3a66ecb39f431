/// Some consecutive events of the log, as far as a filter lets them through.
public struct LogPage: Sendable {
    public var events: [RecordedEvent]
    /// Every event up to here, in the direction of the read, was looked at: go on behind it. Equals the cursor's own
    /// place when nothing was.
    public var scannedThrough: Position
    /// Whether the read reached the log's end in its direction, as it was at the moment of the read.
    public var isAtEnd: Bool

    public init(events: [RecordedEvent], scannedThrough: Position, isAtEnd: Bool) {
        self.events = events
        self.scannedThrough = scannedThrough
        self.isAtEnd = isAtEnd
    }
}
