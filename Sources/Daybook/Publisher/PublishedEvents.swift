import DaybookCore
import Foundation

/// The events that other systems get, in the versions that they understand.
///
/// ```swift
/// let published = try PublishedEvents(AccountEvent.self, source: "/shop")
///     .publishing(TradeEvent.self, in: ["trade.settled": 1])
/// ```
///
/// Whatever version an event was recorded in, it is lifted to today's by the upcasters of its enum, and then lowered to the one
/// that is asked for.
///
/// An event's ``CloudEvent/id`` is that of the recorded one: where the application gives events their identifiers, let no two
/// of a log have the same. Of an event that is split, the further pieces are numbered; receivers know them by that number, so
/// that a later upcaster had better keep their order.
public struct PublishedEvents: Sendable {
    private struct Member: Sendable {
        var types: EventTypeSet
        var events: @Sendable (RecordedEvent) throws(DowncastError) -> [EncodedEvent]
    }

    /// The ``CloudEvent/source`` of all of them.
    public let source: String
    private var members: [Member] = []

    /// The events of an enum.
    ///
    /// - Parameters:
    ///   - source: A URI reference that no other program gives its events, such as `/shop`.
    ///   - versions: The newest versions that receivers know, by today's types; others are sent as they are written today.
    ///     See ``Downcast``.
    /// - Throws: ``InvalidEventSource``.
    public init<Event: DomainEvent>(
        _ type: Event.Type, source: String, in versions: [EventType: UInt32] = [:]
    ) throws(InvalidEventSource) {
        guard let url = URL(string: source), !source.isEmpty, url.relativeString == source,
            source.utf8.allSatisfy({
                (0x21...0x7E).contains($0)
            })
        else { throw InvalidEventSource(source: source) }
        self.source = source
        add(type, in: versions)
    }

    /// The events of one more enum too.
    ///
    /// - Parameter versions: As for the first one.
    public func publishing<Event: DomainEvent>(
        _ type: Event.Type, in versions: [EventType: UInt32] = [:]
    ) -> PublishedEvents {
        var published = self
        published.add(type, in: versions)
        return published
    }

    private mutating func add<Event: DomainEvent>(_ type: Event.Type, in versions: [EventType: UInt32]) {
        let downcast = Downcast<Event>(to: versions)
        members.append(
            Member(types: Event.eventTypes) { event throws(DowncastError) in try downcast.events(of: event) })
    }

    /// The types of recorded events that are published.
    public var types: EventTypeSet { members.reduce(EventTypeSet()) { $0.union($1.types) } }

    /// What a recorded event is for others: one event as a rule, several or none where an upcaster split or dropped it.
    ///
    /// - Throws: ``DowncastError``; also for an event of none of the enums.
    public func events(of recorded: RecordedEvent) throws(DowncastError) -> [CloudEvent] {
        guard let member = members.first(where: { $0.types.contains(recorded.type) }) else {
            throw .undecodable(EventDecodingError(recorded, as: "published event", cause: .unknownType))
        }
        let events = try member.events(recorded)
        return events.enumerated().map { index, event in
            CloudEvent(
                // The first piece keeps the identifier of the whole, which may have been sent before it was split.
                id: index == 0 ? "\(recorded.id)" : "\(recorded.id).\(index + 1)", source: source,
                type: event.type, subject: recorded.stream.rawValue, time: recorded.recordedAt,
                contentType: event.contentType, data: event.data,
                extensions: [
                    "partitionkey": recorded.stream.rawValue, "position": "\(recorded.position)",
                    "streamversion": "\(recorded.version)", "schemaversion": "\(event.schemaVersion)",
                ])
        }
    }
}
