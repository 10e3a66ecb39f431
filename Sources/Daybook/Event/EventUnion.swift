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

/// Reads each event by the member of the union that it belongs to.
struct EventUnionReader<Union: Sendable>: EventReader {
    private let members: [EventUnionMember<Union>]

    init(_ members: [EventUnionMember<Union>]) { self.members = members }

    func decode(_ event: RecordedEvent) throws(EventDecodingError) -> [Union] {
        for member in members where member.has(event) { return try member.decode(event) }
        throw EventDecodingError(event, as: String(describing: Union.self), cause: .unknownType)
    }
}
