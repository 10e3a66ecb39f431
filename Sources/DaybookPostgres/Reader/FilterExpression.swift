#if Postgres
import DaybookCore

/// A filter as a condition in SQL, with its parameters.
struct FilterExpression {
    private(set) var parameters: Parameters
    private(set) var condition = "true"
    /// Whether an index leads to the events that may pass, so that a read may look far ahead at once.
    private(set) var isIndexed = false

    /// - Parameter parameters: Those that stand before the filter's own.
    init(_ filter: EventFilter, after parameters: Parameters) {
        self.parameters = parameters
        var conditions: [String] = []
        if !filter.includesControlEvents { conditions.append(EventRows.noControl) }
        if !filter.categories.isEmpty || !filter.streamPrefixes.isEmpty {
            var parts: [String] = []
            if !filter.categories.isEmpty {
                parts.append("split_part(stream, '-', 1) = ANY(\(texts(filter.categories.map(\.rawValue))))")
                if filter.streamPrefixes.isEmpty { isIndexed = true }
            }
            if !filter.streamPrefixes.isEmpty { parts.append(prefixed("stream", filter.streamPrefixes)) }
            conditions.append("(\(parts.joined(separator: " OR ")))")
        }
        if !filter.types.isEmpty || !filter.typePrefixes.isEmpty {
            var parts: [String] = []
            if !filter.types.isEmpty {
                parts.append("type = ANY(\(texts(filter.types.map(\.rawValue))))")
                if filter.typePrefixes.isEmpty { isIndexed = true }
            }
            if !filter.typePrefixes.isEmpty { parts.append(prefixed("type", filter.typePrefixes)) }
            conditions.append("(\(parts.joined(separator: " OR ")))")
        }
        if !filter.tags.isEmpty {
            conditions.append(tagged(filter.tags))
            isIndexed = true
        }
        if let query = filter.query {
            // An item without types and tags fits everything; a query without items nothing.
            let items = query.items.map { item in
                var parts: [String] = []
                if !item.tags.isEmpty { parts.append(tagged(item.tags)) }
                if !item.types.isEmpty { parts.append("type = ANY(\(texts(item.types.map(\.rawValue))))") }
                return parts.isEmpty ? "true" : "(\(parts.joined(separator: " AND ")))"
            }
            conditions.append(items.isEmpty ? "false" : "(\(items.joined(separator: " OR ")))")
            if query.items.allSatisfy({ !$0.tags.isEmpty || !$0.types.isEmpty }) { isIndexed = true }
        }
        if !conditions.isEmpty { condition = conditions.joined(separator: " AND ") }
    }

    /// Events that have all of some tags: one of them leads to them by the index, the rest is looked up in the event.
    private mutating func tagged(_ tags: Set<Tag>) -> String {
        let names = tags.map(\.rawValue)
        let driver =
            "position IN (SELECT position FROM event_tags WHERE tag = \(text(names[0])) "
            + "AND position >= $1::bigint AND position <= $2::bigint)"
        return names.count == 1 ? driver : "(\(driver) AND tags @> \(texts(names)))"
    }

    private mutating func prefixed(_ column: String, _ prefixes: Set<String>) -> String {
        // No name holds the character that the database cannot keep.
        let prefixes = prefixes.filter { !$0.utf8.contains(0) }
        return "EXISTS (SELECT FROM unnest(\(texts(Array(prefixes)))) p WHERE starts_with(\(column), p))"
    }

    private mutating func texts(_ texts: [String]) -> String {
        parameters.addArray(texts)
        return "$\(parameters.places.count)::text[]"
    }

    private mutating func text(_ text: String) -> String {
        parameters.add(text)
        return "$\(parameters.places.count)::text"
    }
}
#endif
