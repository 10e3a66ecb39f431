import DaybookCore

/// Lifts events of an old schema to a newer one, when they are read. What is recorded never changes.
///
/// ```swift
/// enum AccountEvent: DomainEvent {
///     case deposited(amount: Int, currency: String)
///     case opened(owner: String)
///
///     static func schemaVersion(of type: EventType) -> UInt32 { type == "account.deposited" ? 2 : 1 }
///     static let upcasters: [Upcaster] = [
///         .change("account.deposited", from: 1) { $0["currency"] = "EUR" },
///         .rename("account.created", to: "account.opened"),
///         .drop("account.pinged"),
///     ]
/// }
/// ```
///
/// Each applies to one type and schema version. They are chained until none applies any more, so that each only knows
/// the next version. An upcaster is pure: the same event must come out of it for ever.
public struct Upcaster: Sendable {
    /// An event between two schemas.
    public struct Event: Sendable, Hashable {
        public var type: EventType
        public var schemaVersion: UInt32
        public var data: [String: JSONValue]

        public init(_ type: EventType, schemaVersion: UInt32 = 1, data: [String: JSONValue]) {
            self.type = type
            self.schemaVersion = schemaVersion
            self.data = data
        }
    }

    /// What it applies to.
    public let type: EventType
    public let schemaVersion: UInt32
    let lift: @Sendable ([String: JSONValue]) throws -> [Event]

    private init(
        _ type: EventType, _ schemaVersion: UInt32, _ lift: @escaping @Sendable ([String: JSONValue]) throws -> [Event]
    ) {
        self.type = type
        self.schemaVersion = schemaVersion
        self.lift = lift
    }

    /// Gives events of a version the shape of the next: adds defaults, renames, converts.
    ///
    /// - Parameter change: What it throws stops the reader, with the event's place.
    public static func change(
        _ type: EventType, from version: UInt32,
        _ change: @escaping @Sendable (inout [String: JSONValue]) throws -> Void
    ) -> Upcaster {
        Upcaster(type, version) { data in
            var data = data
            try change(&data)
            return [Event(type, schemaVersion: version + 1, data: data)]
        }
    }

    /// Reads events of a type that is no longer written as those of another.
    public static func rename(
        _ type: EventType, from version: UInt32 = 1, to newType: EventType, schemaVersion: UInt32 = 1
    ) -> Upcaster {
        Upcaster(type, version) { [Event(newType, schemaVersion: schemaVersion, data: $0)] }
    }

    /// Reads one event as several, in order, or as none.
    public static func split(
        _ type: EventType, from version: UInt32 = 1,
        into events: @escaping @Sendable ([String: JSONValue]) throws -> [Event]
    ) -> Upcaster {
        Upcaster(type, version, events)
    }

    /// Reads events that no longer matter as none at all.
    public static func drop(_ type: EventType, from version: UInt32 = 1) -> Upcaster {
        Upcaster(type, version) { _ in [] }
    }
}
