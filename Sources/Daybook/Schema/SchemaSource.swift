import DaybookCore

/// An enum of events as it is compared with a lock: its schemas, and how it reads what was recorded.
///
/// Events of which several enums have the type, as the records of commands (``CommandRecord``) and of processes
/// (``ProcessRecord``) do, are told apart by the category of their streams:
///
/// ```swift
/// SchemaSource(CommandRecord<AccountCommand>.self, in: "account_commands")
/// ```
public struct SchemaSource: Sendable {
    let eventTypes: EventTypeSet
    /// The category of streams whose events are meant; nil for all.
    let category: Category?
    /// Of every event that is written, in the order of declaration.
    public let schemas: [EventSchema]
    let read: @Sendable (RecordedEvent) throws(EventDecodingError) -> Void

    /// - Parameters:
    ///   - category: Of the streams whose events are meant, for a type of events that others have too; nil for all.
    ///   - samples: An event of each case of which none can be made from stand-ins; see
    ///     ``EventSchema/all(of:samples:)``.
    /// - Throws: ``EventSchemaError``.
    public init<Event: DomainEvent>(
        _ type: Event.Type, in category: Category? = nil, samples: [Event] = []
    ) throws(EventSchemaError) {
        try self.init(type, in: category, samples: samples, subjectTags: [])
    }

    /// The events of a decider, with the tags that they have of their subject.
    ///
    /// - Parameters:
    ///   - subject: The identifier of a subject, for ``Decider/tags(ofSubject:)``.
    ///   - samples: An event of each case of which none can be made from stand-ins.
    /// - Throws: ``EventSchemaError``.
    public init<D: Decider>(
        _ decider: D.Type, subject: String = "1", samples: [D.Event] = []
    ) throws(EventSchemaError) where D.Event: DomainEvent {
        try self.init(D.Event.self, in: nil, samples: samples, subjectTags: D.tags(ofSubject: subject))
    }

    /// Whether events of a schema are taken for its own, of whatever version.
    func writes(_ schema: EventSchema) -> Bool {
        schemas.contains { $0.type == schema.type } && (category == nil || category == schema.category)
    }

    private init<Event: DomainEvent>(
        _ type: Event.Type, in category: Category?, samples: [Event], subjectTags: [Tag]
    ) throws(EventSchemaError) {
        eventTypes = Event.eventTypes
        self.category = category
        var schemas = try EventSchema.all(of: type, samples: samples)
        for index in schemas.indices {
            schemas[index].category = category
            schemas[index].tagKeys = Set(schemas[index].tagKeys + subjectTags.map { String($0.key) }).sorted()
        }
        self.schemas = schemas
        let reader = Event.makeReader()
        read = { event throws(EventDecodingError) in _ = try reader.decode(event) }
    }
}
