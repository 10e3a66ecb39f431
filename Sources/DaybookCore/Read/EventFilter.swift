/// Which events of the log a read returns. An event passes when it passes every part that is not empty.
public struct EventFilter: Sendable, Hashable {
    /// The stream's category is one of these, or its name begins with one of ``streamPrefixes``.
    public var categories: Set<Category>
    public var streamPrefixes: Set<String>
    /// The type is one of these, or begins with one of ``typePrefixes``.
    public var types: Set<EventType>
    public var typePrefixes: Set<String>
    /// The event has all of these tags.
    public var tags: Set<Tag>
    /// The event fits this query.
    public var query: EventQuery?
    /// Whether the events of control streams (settings and deletions of streams) pass. They do not by default.
    public var includesControlEvents: Bool

    public init(
        categories: Set<Category> = [], streamPrefixes: Set<String> = [], types: Set<EventType> = [],
        typePrefixes: Set<String> = [], tags: Set<Tag> = [], query: EventQuery? = nil,
        includesControlEvents: Bool = false
    ) {
        self.categories = categories
        self.streamPrefixes = streamPrefixes
        self.types = types
        self.typePrefixes = typePrefixes
        self.tags = tags
        self.query = query
        self.includesControlEvents = includesControlEvents
    }

    /// Every event that an application appended.
    public static let all = EventFilter()
    /// Every event, with the store's own.
    public static let everything = EventFilter(includesControlEvents: true)

    public func matches(stream: StreamName) -> Bool {
        if stream.isControl && !includesControlEvents { return false }
        if categories.isEmpty && streamPrefixes.isEmpty { return true }
        return categories.contains(stream.category)
            || streamPrefixes.contains { stream.rawValue.utf8.starts(with: $0.utf8) }
    }

    public func matches(type: EventType) -> Bool {
        if types.isEmpty && typePrefixes.isEmpty { return true }
        return types.contains(type) || typePrefixes.contains { type.rawValue.utf8.starts(with: $0.utf8) }
    }

    public func matches(stream: StreamName, type: EventType, tags eventTags: [Tag]) -> Bool {
        matches(stream: stream) && matches(type: type) && tags.allSatisfy(eventTags.contains)
            && (query?.matches(type: type, tags: eventTags) ?? true)
    }

    public func matches(_ event: RecordedEvent) -> Bool {
        matches(stream: event.stream, type: event.type, tags: event.tags)
    }
}
