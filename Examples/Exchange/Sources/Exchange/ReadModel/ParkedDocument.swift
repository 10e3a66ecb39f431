import Daybook
import DaybookCore

/// A document of a read model that has stopped before an event, which could not be taken into account. It is as it was
/// before that event, whatever followed.
public struct ParkedDocument: Sendable, Hashable, Codable {
    /// The read model and the document: `cash-balances/T017`.
    public var key: String
    /// The event's place: `cash-T017@42`.
    public var event: String
    public var position: Position
    public var reason: String
}
