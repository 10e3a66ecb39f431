import DaybookCore

/// A domain event that was decided, and the stream that it goes to.
public struct PlacedEvent: Sendable {
    public let stream: StreamName
    public let event: any DomainEvent
    /// The event's own, and those of its subject.
    public let tags: [Tag]
    private let encode: @Sendable () throws(EventEncodingError) -> EncodedEvent

    /// - Parameters:
    ///   - tags: Those of the subject of the stream, beside the event's own.
    ///   - codec: Writes the event; JSON unless said otherwise.
    public init<Event: DomainEvent>(
        _ event: Event, in stream: StreamName, tags: [Tag] = [],
        codec: any EventCodec<Event> = JSONEventCodec<Event>()
    ) {
        self.stream = stream
        self.event = event
        self.tags = event.tags + tags
        encode = { () throws(EventEncodingError) in try codec.encode(event) }
    }

    /// An event of a decider's subject, with the tags that all of its events have (``Decider/tags(ofSubject:)``).
    ///
    /// - Throws: ``InvalidName`` when category and identifier make no stream name.
    public init<D: Decider>(
        _ event: D.Event, of decider: D.Type, category: Category, id: String,
        codec: any EventCodec<D.Event> = JSONEventCodec<D.Event>()
    ) throws(InvalidName) {
        self.init(
            event, in: try StreamName(category: category, id: id), tags: D.tags(ofSubject: id), codec: codec)
    }

    /// The event as it will be recorded.
    public func encoded() throws(EventEncodingError) -> EncodedEvent { try encode() }

    /// Events by stream, in the order in which they are recorded: the streams as each is first named.
    static func byStream(_ events: [PlacedEvent]) -> [(stream: StreamName, events: [PlacedEvent])] {
        var groups: [(stream: StreamName, events: [PlacedEvent])] = []
        var places: [StreamName: Int] = [:]
        for event in events {
            if let place = places[event.stream] {
                groups[place].events.append(event)
            } else {
                places[event.stream] = groups.count
                groups.append((event.stream, [event]))
            }
        }
        return groups
    }
}
