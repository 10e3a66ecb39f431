import DaybookCore

/// A domain event that was decided, and the stream that it goes to.
public struct PlacedEvent: Sendable {
    public let stream: StreamName
    public let event: any DomainEvent
    let encode: @Sendable () throws(EventEncodingError) -> EncodedEvent

    /// - Parameter codec: Writes the event; JSON unless said otherwise.
    public init<Event: DomainEvent>(
        _ event: Event, in stream: StreamName, codec: any EventCodec<Event> = JSONEventCodec<Event>()
    ) {
        self.stream = stream
        self.event = event
        encode = { () throws(EventEncodingError) in try codec.encode(event) }
    }
}
