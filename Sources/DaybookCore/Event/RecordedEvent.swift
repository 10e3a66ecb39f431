/// An event with the place that the store gave it. Recorded events never change.
///
/// ``data`` and ``metadata`` are slices of the buffer of the page that the event was read in: copying an event copies
/// no payload, and keeping one keeps its page.
public struct RecordedEvent: Sendable, Hashable {
    public let id: EventID
    public let type: EventType
    public let schemaVersion: UInt32
    public let contentType: ContentType
    public let data: ArraySlice<UInt8>
    public let metadata: ArraySlice<UInt8>
    public let tags: [Tag]
    public let stream: StreamName
    public let version: StreamVersion
    public let position: Position
    /// When the store recorded it; never earlier than the event before it in the log.
    public let recordedAt: Timestamp

    public init(
        id: EventID, type: EventType, schemaVersion: UInt32, contentType: ContentType, data: ArraySlice<UInt8>,
        metadata: ArraySlice<UInt8>, tags: [Tag], stream: StreamName, version: StreamVersion, position: Position,
        recordedAt: Timestamp
    ) {
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.contentType = contentType
        self.data = data
        self.metadata = metadata
        self.tags = tags
        self.stream = stream
        self.version = version
        self.position = position
        self.recordedAt = recordedAt
    }
}
