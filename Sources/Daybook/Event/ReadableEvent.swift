import DaybookCore

/// Events as a program reads them from the log: the enum of one domain (``DomainEvent``), or those of several in one
/// (``EventUnion``).
public protocol ReadableEvent: Sendable {
    /// The types of recorded events that are read as these.
    static var eventTypes: EventTypeSet { get }

    /// Reads recorded events in the format in which the program writes them, JSON unless it says otherwise.
    static func makeReader() -> any EventReader<Self>
}

extension EventFilter {
    /// The events whose types are in a set.
    public init(_ types: EventTypeSet) {
        self = types.containsAll ? .all : EventFilter(types: types.types, typePrefixes: types.prefixes)
    }
}
