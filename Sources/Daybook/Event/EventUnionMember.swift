import DaybookCore

/// One domain's events as part of a union.
public struct EventUnionMember<Union: Sendable>: Sendable {
    let eventTypes: EventTypeSet
    /// The category of streams whose events are meant; nil for all.
    let category: Category?
    let decode: @Sendable (RecordedEvent) throws(EventDecodingError) -> [Union]

    /// - Parameters:
    ///   - wrap: The union's case.
    ///   - category: Of the streams whose events are meant, for a type of events that another member has too, as the
    ///     records of commands do (``CommandRecord``); nil for all. The default filter of a projection or consumer asks for
    ///     types alone: give it one of categories, where streams of others have them.
    ///   - reader: Reads the domain's events.
    public init<Event: ReadableEvent>(
        _ wrap: @escaping @Sendable (Event) -> Union, in category: Category? = nil,
        reader: any EventReader<Event> = Event.makeReader()
    ) {
        eventTypes = Event.eventTypes
        self.category = category
        decode = { recorded throws(EventDecodingError) in
            let events = try reader.decode(recorded)
            return events.map(wrap)
        }
    }

    func has(_ event: RecordedEvent) -> Bool {
        eventTypes.contains(event.type) && (category == nil || category == event.stream.category)
    }
}
