/// Which events a decision depends on: those that fit at least one item.
public struct EventQuery: Sendable, Hashable {
    /// An item fits an event whose type is one of ``types``, or any when empty, and that has all of ``tags``.
    public struct Item: Sendable, Hashable {
        public var types: Set<EventType>
        public var tags: Set<Tag>

        public init(types: Set<EventType> = [], tags: Set<Tag> = []) {
            self.types = types
            self.tags = tags
        }

        public func matches(type: EventType, tags eventTags: [Tag]) -> Bool {
            (types.isEmpty || types.contains(type)) && tags.allSatisfy(eventTags.contains)
        }
    }

    /// 1 to ``Limits/itemsPerQuery`` items. A query without items fits nothing.
    public var items: [Item]

    public init(items: [Item]) { self.items = items }

    /// A query of one item.
    public init(types: Set<EventType> = [], tags: Set<Tag> = []) { items = [Item(types: types, tags: tags)] }

    public func matches(type: EventType, tags: [Tag]) -> Bool {
        items.contains { $0.matches(type: type, tags: tags) }
    }
}
