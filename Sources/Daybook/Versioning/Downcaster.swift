import DaybookCore

/// Gives events of today's schema the shape of an older one, for readers outside that have not moved on: a slow consumer
/// of a publisher.
///
/// ```swift
/// enum AccountEvent: DomainEvent {
///     case deposited(amount: Int, currency: String)
///
///     static func schemaVersion(of type: EventType) -> UInt32 { type == "account.deposited" ? 2 : 1 }
///     static let downcasters: [Downcaster] = [
///         Downcaster("account.deposited", from: 2) { data in
///             guard data["currency"] == "EUR" else { throw NotInEuro() }
///             data["currency"] = nil
///         },
///     ]
/// }
/// ```
///
/// Each leads from one version to the one below; they are chained. Like an upcaster it is pure.
public struct Downcaster: Sendable {
    public let type: EventType
    /// The version that it is applied to.
    public let schemaVersion: UInt32
    let change: @Sendable (inout [String: JSONValue]) throws -> Void

    /// - Parameter change: Throws for an event that the older shape cannot express: better no event than a wrong one.
    public init(
        _ type: EventType, from schemaVersion: UInt32,
        _ change: @escaping @Sendable (inout [String: JSONValue]) throws -> Void
    ) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.change = change
    }
}
