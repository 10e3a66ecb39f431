import Daybook
import DaybookCore

/// Something that the clearing could not do. Until somebody mends the cause, what comes after it under the same key waits.
public struct ParkedWork: Sendable, Hashable, Codable {
    public enum Kind: String, Sendable, Hashable, Codable {
        /// A command of a trade to an account; the key is the trade's stream.
        case settlement
        /// Giving back what an order no longer needs; the key is the order's tag.
        case release
        /// Confirming an execution; the key is the book's stream.
        case confirmation
    }

    public var kind: Kind
    public var key: String
    /// The event that asks for it: `clearing-ALDER#2@3`.
    public var event: String
    public var position: Position
    /// What was to be done, or what had happened.
    public var what: String
    public var reason: String
    public var parkedAt: Timestamp
    /// How often it was tried.
    public var tries: Int
    /// How much waits behind it.
    public var waiting: Int

    init(_ kind: Kind, _ parked: ParkedEvent, _ recorded: RecordedEvent) {
        self.kind = kind
        key = parked.key.rawValue
        event = EventReference(stream: recorded.stream, version: recorded.version).description
        position = parked.position
        // One that cannot be read is parked for that.
        what = (try? OrderStory.words(for: recorded)) ?? recorded.type.rawValue
        reason = parked.reason
        parkedAt = parked.parkedAt
        tries = parked.deliveries
        waiting = parked.waiting
    }
}
