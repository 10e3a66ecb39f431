import DaybookCore

/// Turns recorded bytes into events.
public protocol EventReader<Event>: Sendable {
    associatedtype Event: Sendable

    /// The events that a recorded event is today: one as a rule; several, or none, where the schema has changed since
    /// and an upcaster split or dropped it.
    ///
    /// - Throws: ``EventDecodingError``, which names the event's place in the log. An event that cannot be read is an
    ///   error, never skipped.
    func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [Event]

    /// Calls a closure with each of the events that ``decode(_:)`` returns, in their order.
    ///
    /// The default decodes them into an array first. A reader that can do without makes long folds faster by a tenth.
    func decode(_ event: RecordedEvent, _ body: (Event) -> Void) throws(EventDecodingError)
}

extension EventReader {
    public func decode(_ event: RecordedEvent, _ body: (Event) -> Void) throws(EventDecodingError) {
        for event in try decode(event) { body(event) }
    }
}
