import DaybookCore

/// Which positions a filter or query can be answered from, as the index knows them.
indirect enum TermExpression {
    case term(IndexKey)
    case union([TermExpression])
    case intersection([TermExpression])
    /// No event at all: a name in it was never used.
    case none
}

extension LogReader {
    /// The index entries that a filter leads to; nil when only a look at every event answers it.
    ///
    /// What the expression finds still has to be compared with the filter. Names are looked up in their own order, so that the
    /// same question asks the disk the same.
    func expression(for filter: EventFilter) throws(StoreFailure) -> TermExpression? {
        if !filter.tags.isEmpty { return try withDamaged(expression(types: [], tags: filter.tags)) }
        if let query = filter.query, let expression = try expression(for: query) { return expression }
        if !filter.categories.isEmpty, filter.streamPrefixes.isEmpty {
            return try withDamaged(union(filter.categories.map(\.rawValue), .category, .category))
        }
        if !filter.types.isEmpty, filter.typePrefixes.isEmpty {
            return try withDamaged(union(filter.types.map(\.rawValue), .type, .type))
        }
        return nil
    }

    /// The same, and the damaged events that the index could not be told of: to leave them out would be to say that they do
    /// not fit.
    private func withDamaged(_ expression: TermExpression) throws(StoreFailure) -> TermExpression {
        try index.firstLost(.damagedEvents) == nil ? expression : .union([expression, .term(.damagedEvents)])
    }

    /// The same for a query; nil when one of its items fits every event.
    func expression(for query: EventQuery) throws(StoreFailure) -> TermExpression? {
        var items: [TermExpression] = []
        for item in query.items {
            if item.types.isEmpty && item.tags.isEmpty { return nil }
            items.append(try expression(types: item.types, tags: item.tags))
        }
        return try withDamaged(items.count == 1 ? items[0] : .union(items))
    }

    private func expression(types: Set<EventType>, tags: Set<Tag>) throws(StoreFailure) -> TermExpression {
        // Tags are rare and types are common: types are compared with the events that the tags lead to.
        guard !tags.isEmpty else { return try union(types.map(\.rawValue), .type, .type) }
        var terms: [TermExpression] = []
        for tag in tags.sorted() {
            guard let number = try names.number(.tag, tag.rawValue) else { return .none }
            terms.append(.term(IndexKey(kind: .tag, key: number)))
        }
        return terms.count == 1 ? terms[0] : .intersection(terms)
    }

    private func union(
        _ texts: [String], _ nameKind: NameKind, _ kind: IndexKey.Kind
    ) throws(StoreFailure) -> TermExpression {
        var terms: [TermExpression] = []
        for text in texts.sorted() {
            if let number = try names.number(nameKind, text) { terms.append(.term(IndexKey(kind: kind, key: number))) }
        }
        return terms.isEmpty ? .none : terms.count == 1 ? terms[0] : .union(terms)
    }

    /// Positions that an expression finds, from one position on in a direction.
    ///
    /// - Returns: Positions in the order of the direction, and how far they are all there are; nil: to the end.
    func positions(
        of expression: TermExpression, from start: Int64, backward: Bool, limit: Int, head: Int64
    ) throws(StoreFailure) -> (positions: [Int64], through: Int64?) {
        switch expression {
        case .none:
            return ([], nil)
        case .term(let key):
            let found =
                try index.numbers(
                    under: key, from: start, backward: backward, limit: limit, atOrBelow: head)?.numbers ?? []
            let ordered: [Int64] = backward ? found.suffix(limit).reversed() : Array(found.prefix(limit))
            return (ordered, ordered.count < limit ? nil : ordered.last)
        case .union(let parts), .intersection(let parts):
            var lists: [[Int64]] = []
            var through: Int64?
            for part in parts {
                let found = try positions(of: part, from: start, backward: backward, limit: limit, head: head)
                lists.append(found.positions)
                if let end = found.through {
                    through = through.map { backward ? max($0, end) : min($0, end) } ?? end
                }
            }
            var counts: [Int64: Int] = [:]
            for position in lists.joined()
            where through.map({ backward ? position >= $0 : position <= $0 }) ?? true {
                counts[position, default: 0] += 1
            }
            let needed = if case .intersection = expression { parts.count } else { 1 }
            let positions = counts.lazy.filter { $0.value >= needed }.map(\.key)
            return (backward ? positions.sorted(by: >) : positions.sorted(), through)
        }
    }
}
