import DaybookCore

/// The events of several domains as one type, for what follows more than one: a projection, a process manager.
///
/// ```swift
/// enum LedgerEvent: EventUnion {
///     case account(AccountEvent)
///     case trade(TradeEvent)
///
///     static let members = [EventUnionMember(LedgerEvent.account), EventUnionMember(LedgerEvent.trade)]
/// }
/// ```
///
/// A recorded event is read by the first member that has its type and, where the member names one, the category of its
/// stream.
public protocol EventUnion: ReadableEvent {
    static var members: [EventUnionMember<Self>] { get }
}

extension EventUnion {
    public static var eventTypes: EventTypeSet {
        members.reduce(into: EventTypeSet()) { $0 = $0.union($1.eventTypes) }
    }

    public static func makeReader() -> any EventReader<Self> { EventUnionReader(Self.members) }
}

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

/// Reads each event by the member of the union that it belongs to.
struct EventUnionReader<Union: Sendable>: EventReader {
    private let members: [EventUnionMember<Union>]

    init(_ members: [EventUnionMember<Union>]) { self.members = members }

    func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [Union] {
        for member in members where member.has(event) { return try member.decode(event) }
        throw EventDecodingError(event, as: String(describing: Union.self), cause: .unknownType)
    }
}
