import DaybookCore

/// An enum of events as it is compared with a lock: its schemas, and how it reads what was recorded.
public struct SchemaSource: Sendable {
    let eventTypes: EventTypeSet
    let schemas: [EventSchema]
    let read: @Sendable (RecordedEvent) throws(EventDecodingError) -> Void

    /// - Parameter samples: An event of each case of which none can be made from stand-ins; see
    ///   ``EventSchema/all(of:samples:)``.
    /// - Throws: ``EventSchemaError``.
    public init<Event: DomainEvent>(_ type: Event.Type, samples: [Event] = []) throws(EventSchemaError) {
        eventTypes = Event.eventTypes
        schemas = try EventSchema.all(of: type, samples: samples)
        let reader = Event.makeReader()
        read = { event throws(EventDecodingError) in _ = try reader.decode(event) }
    }
}
