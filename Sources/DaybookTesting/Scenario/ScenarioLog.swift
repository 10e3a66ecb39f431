import Daybook
import DaybookCore

/// The events of a scenario with the places that a store would give them.
///
/// Positions begin at 1, versions at 0, and both grow by one; identifiers are counted, so that a scenario is the same
/// each time it runs.
struct ScenarioLog: Sendable {
    /// When the next event is recorded.
    var now = DrivenTime().now
    private var position = Position.start
    private var versions: [StreamName: StreamVersion] = [:]

    /// Gives bytes their place.
    mutating func record(_ event: NewEvent, in stream: StreamName) -> RecordedEvent {
        position = position.next
        let version = versions[stream]?.next ?? .first
        versions[stream] = version
        return RecordedEvent(
            id: EventID(high: 0x7000, low: 0x8000_0000_0000_0000 | UInt64(position.rawValue)), type: event.type,
            schemaVersion: event.schemaVersion, contentType: event.contentType, data: event.data[...],
            metadata: event.metadata[...], tags: event.tags, stream: stream, version: version, position: position,
            recordedAt: now)
    }

    /// Writes an event in its own format: a domain event's, or that of the domain event which a union wraps.
    static func encoded(
        _ event: some ReadableEvent, metadata: EventMetadata = EventMetadata(), tags: [Tag] = []
    ) throws -> NewEvent {
        // Of a union only the way from a member's event to its case is known; the way back is the case's own value.
        var value: Any = event
        while !(value is any DomainEvent) {
            let values = Mirror(reflecting: value).children.map(\.value)
            guard values.count == 1 else { throw UnwritableEvent(event: "\(event)", type: "\(type(of: event))") }
            value = values[0]
        }
        guard let event = value as? any DomainEvent else { preconditionFailure("\(value) is no event any more") }
        return try encoded(event, metadata, tags)
    }

    private static func encoded<Event: DomainEvent>(
        _ event: Event, _ metadata: EventMetadata, _ tags: [Tag]
    ) throws -> NewEvent {
        let codec = Event.makeReader() as? any EventCodec<Event> ?? JSONEventCodec<Event>()
        let encoded = try codec.encode(event)
        return NewEvent(
            type: encoded.type, schemaVersion: encoded.schemaVersion, contentType: encoded.contentType,
            data: encoded.data, metadata: metadata, tags: event.tags + tags)
    }

    /// An event of which a scenario does not know how it is written.
    struct UnwritableEvent: Error, CustomStringConvertible {
        let event: String
        let type: String

        var description: String {
            "The event \(event) of \(type) is neither a DomainEvent nor a case of a union that holds one: give the "
                + "recorded bytes, as a NewEvent, in its place."
        }
    }
}
