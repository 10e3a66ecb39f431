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
/// A recorded event is read by the first member whose types it has.
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
    let decode: @Sendable (RecordedEvent) throws(EventDecodingError) -> [Union]

    /// - Parameters:
    ///   - wrap: The union's case.
    ///   - reader: Reads the domain's events.
    public init<Event: ReadableEvent>(
        _ wrap: @escaping @Sendable (Event) -> Union, reader: any EventReader<Event> = Event.makeReader()
    ) {
        eventTypes = Event.eventTypes
        decode = { recorded throws(EventDecodingError) in
            let events = try reader.decode(recorded)
            return events.map(wrap)
        }
    }
}

/// Reads each event by the member of the union that it belongs to.
struct EventUnionReader<Union: Sendable>: EventReader {
    private let members: [EventUnionMember<Union>]

    init(_ members: [EventUnionMember<Union>]) { self.members = members }

    func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [Union] {
        for member in members where member.eventTypes.contains(event.type) { return try member.decode(event) }
        throw EventDecodingError(event, as: String(describing: Union.self), cause: .unknownType)
    }
}
