import DaybookCore

/// The events of a domain: an enum of which each case is an event type on the wire.
///
/// ```swift
/// enum AccountEvent: DomainEvent {
///     static let typePrefix = "account"
///     case deposited(amount: Int)       // type "account.deposited", data {"amount":10}
/// }
/// ```
public protocol DomainEvent: ReadableEvent, Codable {
    /// Stands before the case's name in the event type, with a dot between; empty for none.
    static var typePrefix: String { get }

    /// The version of the shape in which events of a type are written, from 1.
    static func schemaVersion(of type: EventType) -> UInt32

    /// How events of older schemas are read today.
    static var upcasters: [Upcaster] { get }

    /// How events of today are written for readers of older schemas; see ``Downcast``.
    static var downcasters: [Downcaster] { get }

    /// The subjects that the event concerns beside its stream.
    var tags: [Tag] { get }
}

extension DomainEvent {
    public static var typePrefix: String { "" }
    public static func schemaVersion(of type: EventType) -> UInt32 { 1 }
    public static var upcasters: [Upcaster] { [] }
    public static var downcasters: [Downcaster] { [] }
    public var tags: [Tag] { [] }

    public static var eventTypes: EventTypeSet {
        let own = EventTypeSet(prefixes: [typePrefix.isEmpty ? "" : typePrefix + "."])
        return own.union(EventTypeSet(types: Set(upcasters.map(\.type).filter { !own.contains($0) })))
    }

    public static func makeReader() -> any EventReader<Self> { JSONEventCodec<Self>() }
}
