import DaybookCore

/// A set of event types, given by name and by the beginnings of names.
public struct EventTypeSet: Sendable, Hashable {
    public var types: Set<EventType>
    /// Types that begin with one of these are in the set; an empty prefix stands for all types.
    public var prefixes: Set<String>

    public init(types: Set<EventType> = [], prefixes: Set<String> = []) {
        self.types = types
        self.prefixes = prefixes
    }

    /// Whether every type is in the set.
    public var containsAll: Bool { prefixes.contains("") }

    /// - Complexity: O(prefixes).
    public func contains(_ type: EventType) -> Bool {
        types.contains(type) || prefixes.contains { type.rawValue.utf8.starts(with: $0.utf8) }
    }

    public func union(_ other: EventTypeSet) -> EventTypeSet {
        EventTypeSet(types: types.union(other.types), prefixes: prefixes.union(other.prefixes))
    }
}
