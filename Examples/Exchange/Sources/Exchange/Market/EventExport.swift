import Daybook
import DaybookCore

/// The exchange's events for programs outside, whatever versions they were recorded in: as they are written today, or as a
/// program expects them that knows older versions only.
public struct EventExport: Sendable {
    /// The events of one domain.
    private struct Member: Sendable {
        var types: EventTypeSet
        var events: @Sendable (RecordedEvent) throws(DowncastError) -> [EncodedEvent]
        /// Those that are written today.
        var schemas: @Sendable () throws(EventSchemaError) -> [EventSchema]
        /// Adds them to what is published already.
        var published: @Sendable (PublishedEvents?, _ source: String) throws(InvalidEventSource) -> PublishedEvents

        init<Event: DomainEvent>(_ type: Event.Type, to versions: [EventType: UInt32]) {
            types = Event.eventTypes
            let downcast = Downcast<Event>(to: versions)
            events = { event throws(DowncastError) in try downcast.events(of: event) }
            schemas = { () throws(EventSchemaError) in try EventSchema.all(of: type) }
            published = { others, source throws(InvalidEventSource) in
                if let others { return others.publishing(type, in: versions) }
                return try PublishedEvents(type, source: source, in: versions)
            }
        }
    }

    /// What the exchange records for itself alone: commands and deadlines of processes, how far they have come, and what was
    /// wanted.
    public static let internalTypes = ProcessRecord<ClearingCommand>.eventTypes.union(ProcessProgress.eventTypes)
        .union(CommandRecord<CashAccount.Command>.eventTypes)

    /// What is exported. With ``internalTypes``, all that an ``ExchangeEvent`` is.
    public static let exportedTypes = members(to: [:]).reduce(EventTypeSet()) { $0.union($1.types) }

    /// The version in which events of each exported type are written today.
    public static func currentVersions() throws(EventSchemaError) -> [EventType: UInt32] {
        var versions: [EventType: UInt32] = [:]
        for member in members(to: [:]) {
            for schema in try member.schemas() { versions[schema.type] = schema.schemaVersion }
        }
        return versions
    }

    private static func members(to versions: [EventType: UInt32]) -> [Member] {
        [
            Member(OrderBook.Event.self, to: versions), Member(CashAccount.Event.self, to: versions),
            Member(Holdings.Event.self, to: versions), Member(PositionEvent.self, to: versions),
            Member(CouponPayment.Event.self, to: versions), Member(ClearingEvent.self, to: versions),
        ]
    }

    /// What a publisher sends: the same, as cloud events.
    ///
    /// - Parameters:
    ///   - source: Names this exchange among others, as a URI reference.
    ///   - versions: The newest versions that the receivers know, by type.
    /// - Throws: `InvalidEventSource`.
    public static func published(source: String, versions: [EventType: UInt32] = [:])
        throws(InvalidEventSource) -> PublishedEvents
    {
        let members = members(to: versions)
        var published = try members[0].published(nil, source)
        for member in members.dropFirst() { published = try member.published(published, source) }
        return published
    }

    private let members: [Member]

    /// - Parameter versions: The newest versions that the reader knows, by type.
    public init(versions: [EventType: UInt32] = [:]) { members = Self.members(to: versions) }

    /// What a recorded event is for the reader; nothing when it is one of the ``internalTypes``.
    ///
    /// - Throws: `DowncastError` for an event that the reader's version cannot express, and for one of a type that this
    ///   program does not know.
    public func events(of recorded: RecordedEvent) throws(DowncastError) -> [EncodedEvent] {
        for member in members where member.types.contains(recorded.type) { return try member.events(recorded) }
        guard Self.internalTypes.contains(recorded.type) else {
            throw .undecodable(
                EventDecodingError(recorded, as: String(describing: ExchangeEvent.self), cause: .unknownType))
        }
        return []
    }
}
