#if Server
import DaybookCore

/// A stream that nobody writes: links to events of other streams, as KurrentDB's system projections make them, read from the
/// store's index instead.
///
/// | Stream | Its events, in the order of the log |
/// | --- | --- |
/// | `$ce-order` | links to the events of the streams of a category: `order-1`, `order-2` |
/// | `$et-OrderPlaced` | links to the events of a type, other than links |
/// | `$streams` | links to event 0 of every stream |
/// | `$category-order` | the names of the streams of a category, by their event 0 |
/// | `$bc-7f3a` | links to the events whose metadata has that `$correlationId`, other than links: see ``CorrelationIndex`` |
///
/// A stream whose name begins with `$` is in none of them but `$et-` and `$bc-`, and one without a `-` behind at least one
/// character is of no category.
struct IndexStream: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        case category(Category)
        case type(EventType)
        case streams
        case streamsOfCategory(Category)
        case correlation(CorrelationKey)
        /// No event can be in it: `$ce-a-b`, as no category has a `-`.
        case nothing
    }

    /// A name's bytes tell streams apart, as in the log. It may be longer than the names of those that are recorded.
    let name: StreamName
    let content: Content

    private static let streams = "$streams"
    private static let categoryPrefix = "$ce-"
    private static let typePrefix = "$et-"
    private static let streamsPrefix = "$category-"
    private static let correlationPrefix = "$bc-"

    /// Whether a client's name is that of such a stream.
    static func isName(_ name: String) -> Bool {
        name == streams
            || [categoryPrefix, typePrefix, streamsPrefix, correlationPrefix].contains {
                name.utf8.starts(with: $0.utf8)
            }
    }

    /// Nil when the name is another stream's.
    init?(_ name: String) {
        guard Self.isName(name) else { return nil }
        self.name = StreamName(unchecked: name)
        if name == Self.streams {
            content = .streams
        } else if let rest = Self.rest(of: name, behind: Self.categoryPrefix) {
            content = Self.category(rest).map(Content.category) ?? .nothing
        } else if let rest = Self.rest(of: name, behind: Self.streamsPrefix) {
            content = Self.category(rest).map(Content.streamsOfCategory) ?? .nothing
        } else if let type = Self.rest(of: name, behind: Self.typePrefix).flatMap({ try? EventType($0) }),
            type.rawValue != KurrentNames.linkType
        {
            content = .type(type)
        } else if let rest = Self.rest(of: name, behind: Self.correlationPrefix), let key = CorrelationKey(of: rest) {
            content = .correlation(key)
        } else {
            content = .nothing
        }
    }

    /// By bytes: a combining mark makes one character with what stands before it.
    private static func rest(of name: String, behind prefix: String) -> String? {
        guard name.utf8.starts(with: prefix.utf8) else { return nil }
        return String(Substring(name.utf8.dropFirst(prefix.utf8.count)))
    }

    private static func category(_ text: String) -> Category? {
        guard text.utf8.first != UInt8(ascii: "$") else { return nil }
        return try? Category(text)
    }

    /// What the store's index is asked for; nil when there is nothing to ask for. Not all that passes is in the stream.
    var filter: EventFilter? {
        switch content {
        case .category(let category), .streamsOfCategory(let category): EventFilter(categories: [category])
        case .type(let type): EventFilter(types: [type])
        case .streams: .all
        case .correlation, .nothing: nil
        }
    }

    /// Whether an event that passes the filter is in the stream.
    func includes(_ event: RecordedEvent) -> Bool {
        switch content {
        case .category: event.stream.id != nil
        case .type: true
        case .streams: event.version == .first && event.stream.rawValue.utf8.first != UInt8(ascii: "$")
        case .streamsOfCategory: event.version == .first && event.stream.id != nil
        case .correlation, .nothing: false
        }
    }

    /// Whether it has one event at most of each stream, so that many events pass the filter for one that is in it.
    var isOfStreams: Bool {
        switch content {
        case .streams, .streamsOfCategory: true
        case .category, .type, .correlation, .nothing: false
        }
    }

    /// What wakes those who follow it.
    var subject: StreamSignals.Subject {
        switch content {
        case .category(let category): .category(category)
        case .type(let type): .type(type)
        case .streams: .newStreams
        case .streamsOfCategory(let category): .newStreamsOfCategory(category)
        case .correlation(let key): .correlation(key)
        case .nothing: .stream(name)
        }
    }
}
#endif
