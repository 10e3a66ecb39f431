import DaybookCore

/// A cloud event as what a consumer group reads from the log.
struct OutgoingEvent: ReadableEvent {
    var event: CloudEvent

    /// Which ones is said by those that are published.
    static var eventTypes: EventTypeSet { EventTypeSet(prefixes: [""]) }

    static func makeReader() -> any EventReader<OutgoingEvent> { Reader(published: nil) }

    struct Reader: EventReader {
        /// Nil when nothing is published.
        let published: PublishedEvents?

        func decode(_ recorded: RecordedEvent) throws(EventDecodingError) -> [OutgoingEvent] {
            guard let published else {
                throw EventDecodingError(recorded, as: "published event", cause: .unknownType)
            }
            do { return try published.events(of: recorded).map { OutgoingEvent(event: $0) } } catch {
                if case .undecodable(let error) = error { throw error }
                throw EventDecodingError(
                    recorded, as: "published event", cause: .notLowered(reason: error.description))
            }
        }
    }
}
