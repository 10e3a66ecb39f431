import DaybookCore

/// Events in the versions that a reader outside understands, whatever version they were recorded in: lifted to today's,
/// then lowered.
///
/// ```swift
/// let downcast = Downcast<AccountEvent>(to: ["account.deposited": 1])
/// for event in try downcast.events(of: recorded) { publish(event.type, event.data) }
/// ```
public struct Downcast<Event: DomainEvent>: Sendable {
    private struct Key: Hashable {
        var type: EventType
        var version: UInt32
    }

    private let versions: [EventType: UInt32]
    private let upcasters: UpcasterChain
    private let downcasters: [Key: Downcaster]
    private let codec = JSONEventCodec<Event>()

    /// - Parameter versions: The newest version that the reader understands, by today's types; others are left as they
    ///   are written today.
    public init(to versions: [EventType: UInt32]) {
        self.versions = versions
        upcasters = UpcasterChain(Event.upcasters)
        downcasters = Dictionary(
            Event.downcasters.map { (Key(type: $0.type, version: $0.schemaVersion), $0) }, uniquingKeysWith: { $1 })
    }

    /// What a recorded event is for the reader: one event as a rule, several or none where an upcaster split or dropped
    /// it.
    ///
    /// - Throws: ``DowncastError``. An event that cannot be lowered is an error, never left out.
    public func events(of recorded: RecordedEvent) throws(DowncastError) -> [EncodedEvent] {
        // What today's program cannot read is not passed on either.
        do { _ = try codec.decode(recorded) } catch { throw .undecodable(error) }
        let lifted: [Upcaster.Event]
        do throws(UpcasterChain.Failure) {
            lifted = try upcasters.lift(try Upcaster.Event(recorded))
        } catch {
            throw .undecodable(
                EventDecodingError(recorded, as: "\(Event.self)", cause: .notLifted(reason: error.reason)))
        }
        var events: [EncodedEvent] = []
        for event in lifted {
            let lowered = try lower(event, recorded)
            events.append(
                EncodedEvent(
                    type: lowered.type, schemaVersion: lowered.schemaVersion, contentType: recorded.contentType,
                    data: JSONValue.object(lowered.data).bytes))
        }
        return events
    }

    private func lower(_ event: Upcaster.Event, _ recorded: RecordedEvent) throws(DowncastError) -> Upcaster.Event {
        var event = event
        let target = max(1, versions[event.type] ?? event.schemaVersion)
        while event.schemaVersion > target {
            guard let downcaster = downcasters[Key(type: event.type, version: event.schemaVersion)] else {
                throw .noDowncaster(type: event.type, from: event.schemaVersion, position: recorded.position)
            }
            do { try downcaster.change(&event.data) } catch {
                throw .notExpressible(
                    type: event.type, version: event.schemaVersion - 1, position: recorded.position,
                    reason: String(describing: error))
            }
            event.schemaVersion -= 1
        }
        return event
    }
}
