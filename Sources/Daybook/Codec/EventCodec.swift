import DaybookCore

/// Turns domain events into bytes and back.
///
/// What was encoded must decode to an equal event, for ever: the log keeps the bytes, and every state is folded from
/// them. An event that cannot be read is an error, never skipped.
public protocol EventCodec<Event>: Sendable {
    associatedtype Event: DomainEvent

    /// - Throws: ``EventEncodingError``, before anything is written.
    func encode(_ event: Event) throws(EventEncodingError) -> EncodedEvent

    /// - Throws: ``EventDecodingError``, which names the event's place in the log.
    func decode(_ event: RecordedEvent) throws(EventDecodingError) -> Event
}
