import DaybookCore

/// Turns domain events into bytes and back.
///
/// What was encoded must decode to an equal event, for ever: the log keeps the bytes, and every state is folded from
/// them.
public protocol EventCodec<Event>: EventReader where Event: DomainEvent {
    /// - Throws: ``EventEncodingError``, before anything is written.
    func encode(_ event: Event) throws(EventEncodingError) -> EncodedEvent
}
