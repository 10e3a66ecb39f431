/// Where an append left the log.
public struct AppendResult: Sendable, Hashable {
    /// The last version of a stream that was written.
    public struct StreamEnd: Sendable, Hashable {
        public var stream: StreamName
        /// Nil when the stream has no event yet, and only its settings were written.
        public var version: StreamVersion?

        public init(stream: StreamName, version: StreamVersion?) {
            self.stream = stream
            self.version = version
        }
    }

    /// In the order of the request's writes.
    public var streams: [StreamEnd]
    /// The position of the request's last event; the head of the log at that moment when it wrote none.
    public var position: Position
    /// How many events were recorded: they end at ``position``.
    public var eventCount: Int
    public var recordedAt: Timestamp
    /// Whether the append had been recorded before, and this is the first result again.
    public var isRepeat: Bool

    public init(
        streams: [StreamEnd], position: Position, eventCount: Int, recordedAt: Timestamp, isRepeat: Bool = false
    ) {
        self.streams = streams
        self.position = position
        self.eventCount = eventCount
        self.recordedAt = recordedAt
        self.isRepeat = isRepeat
    }

    /// The version of the last event of the first, often only, stream.
    public var version: StreamVersion? { streams.first?.version }
}
