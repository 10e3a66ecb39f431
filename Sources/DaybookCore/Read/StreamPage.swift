/// Some consecutive events of a stream, with the stream's state at the moment of the read.
public struct StreamPage: Sendable {
    public var events: [RecordedEvent]
    public var state: StreamState
    /// Whether the read reached the stream's end in its direction.
    public var isAtEnd: Bool

    public init(events: [RecordedEvent], state: StreamState, isAtEnd: Bool) {
        self.events = events
        self.state = state
        self.isAtEnd = isAtEnd
    }
}
