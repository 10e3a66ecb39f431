import Daybook
import DaybookCore

/// The exchange's events for programs outside, whatever versions they were recorded in: as they are written today, or as a
/// program expects them that knows older versions only.
public struct EventExport: Sendable {
    private typealias Member = @Sendable (RecordedEvent) throws(DowncastError) -> [EncodedEvent]?

    private let members: [Member]

    /// - Parameter versions: The newest versions that the reader knows, by type.
    public init(versions: [EventType: UInt32] = [:]) {
        func member<Event: DomainEvent>(_ type: Event.Type) -> Member {
            let downcast = Downcast<Event>(to: versions)
            return { event throws(DowncastError) in
                Event.eventTypes.contains(event.type) ? try downcast.events(of: event) : nil
            }
        }
        members = [
            member(OrderBook.Event.self), member(CashAccount.Event.self), member(Holdings.Event.self),
            member(PositionEvent.self), member(CouponPayment.Event.self), member(ClearingEvent.self),
        ]
    }

    /// What a recorded event is for the reader; nothing when it is none of the exchange's own, such as a recorded command.
    ///
    /// - Throws: `DowncastError` for an event that the reader's version cannot express.
    public func events(of recorded: RecordedEvent) throws(DowncastError) -> [EncodedEvent] {
        for member in members { if let events = try member(recorded) { return events } }
        return []
    }
}
