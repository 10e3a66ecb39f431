import DaybookCore

extension EventStoreLaw {
    static let filters: [EventStoreLaw] =
        (1...3).map { seed in
            EventStoreLaw("A filter lets through what a plain walk of the log finds, seed \(seed)") { store in
                var random = SplitMix64(seed: UInt64(seed))
                var sample = FilterSample(random: random)
                try await sample.fill(store)
                let log = try await store.wholeLog()
                var reads: [FilterSample.Read] = []
                for _ in 0..<60 {
                    let filter = sample.filter()
                    for direction in [ReadDirection.forward, .backward] {
                        reads.append(
                            FilterSample.Read(
                                filter: filter, direction: direction, pageSize: random.pick([1, 2, 7, 50, 1000]),
                                cursor: .position(Position(.random(in: 0...Int64(log.count + 1), using: &random))),
                                limit: random.pick([1, 3, 1000])))
                    }
                }
                try await requireEach(reads) { try await Self.requireFiltered($0, of: log, in: store) }
            }
        } + [
            EventStoreLaw("A query without items fits nothing, and a filter without parts everything") { store in
                try await store.append(facts(5), to: "account-1")
                try await store.append(facts(1), to: "$account-1")
                let none = try await store.readPage(
                    from: .start, direction: .forward, filter: EventFilter(query: EventQuery(items: [])), limit: 10)
                try requireEqual(none.events.count, 0, "The events that fit a query without items")
                let all = try await store.readPage(from: .start, direction: .forward, filter: EventFilter(), limit: 10)
                try requireEqual(all.events.count, 6, "The events that pass a filter without parts")
                let blank = EventFilter(streamPrefixes: [""], typePrefixes: [""])
                let prefixed = try await store.readPage(from: .start, direction: .forward, filter: blank, limit: 10)
                try requireEqual(prefixed.events.count, 6, "The events whose stream and type begin with nothing")
            }
        ]

    private static func requireFiltered(
        _ read: FilterSample.Read, of log: [RecordedEvent], in store: any EventStore
    ) async throws {
        let (filter, direction) = (read.filter, read.direction)
        let fitting = log.filter { FilterSample.plainly($0, passes: filter) }
        var events: [RecordedEvent] = []
        let sequence = store.events(
            from: direction == .forward ? .start : .end, direction: direction, filter: filter, pageSize: read.pageSize)
        for try await event in sequence { events.append(event) }
        try requireSame(
            events, direction == .forward ? fitting : fitting.reversed(), "The log \(direction) through \(filter)")
        let page = try await store.readPage(
            from: read.cursor, direction: direction, filter: filter, limit: read.limit)
        let window = Self.window(of: log, from: read.cursor, direction)
            .filter { FilterSample.plainly($0, passes: filter) }
        try requirePage(
            page, of: window, direction, limit: read.limit,
            "The log from \(read.cursor) \(direction) through \(filter), limit \(read.limit)")
    }
}

/// Random events over few names, so that filters of the same names cut them in many ways.
private struct FilterSample {
    /// How the log is read through a filter: as a whole in pages, and one page from somewhere.
    struct Read: Sendable {
        let filter: EventFilter
        let direction: ReadDirection
        let pageSize: Int
        let cursor: LogCursor
        let limit: Int
    }

    var random: SplitMix64

    static let streams: [StreamName] = [
        "order-1", "order-2", "order-1-a", "orders-1", "order", "-1", "cash-1", "cash-2", "é-1", "e\u{301}-1", "日本-1",
    ]
    static let types: [EventType] = [
        "order.placed", "order.filled", "order", "cash.held", "cash.held.twice", "é", "cash%", "cash_held",
    ]
    static let tags: [Tag] = ["owner:1", "owner:2", "owner:10", "share:7", "é", "日本"]

    mutating func fill(_ store: any EventStore) async throws {
        for _ in 0..<40 {
            var request = AppendRequest()
            for stream in Self.streams.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)) {
                request.append(
                    (0..<Int.random(in: 1...5, using: &random)).map { number in
                        fact(
                            number, type: random.pick(Self.types),
                            tags: random.oneIn(3) ? random.subset(of: Self.tags) : [random.pick(Self.tags)])
                    }, to: stream)
            }
            try await store.append(request)
            if random.oneIn(4) {
                try await store.setRetention(Retention(maxCount: 3), of: random.pick(Self.streams))
            }
            if random.oneIn(8) { try await store.delete(random.pick(Self.streams), expecting: .any) }
        }
    }

    mutating func filter() -> EventFilter {
        var filter = EventFilter(includesControlEvents: random.oneIn(2))
        if random.oneIn(3) {
            filter.categories = Set(
                ["order", "orders", "", "cash", "é", "日本", "$$order"].filter { _ in random.oneIn(3) }
                    .map { Category(unchecked: $0) })
        }
        if random.oneIn(3) {
            filter.streamPrefixes = Set(
                ["order-1", "ord", "cash-", "-", "e", "\u{e9}", "$$", "x"].filter { _ in random.oneIn(3) })
        }
        if random.oneIn(3) { filter.types = Set(random.subset(of: Self.types)) }
        if random.oneIn(3) {
            filter.typePrefixes = Set(["order", "order.", "cash", "cash_", "$", ""].filter { _ in random.oneIn(3) })
        }
        if random.oneIn(4) { filter.tags = Set(Self.tags.filter { _ in random.oneIn(4) }) }
        if random.oneIn(3) {
            filter.query = EventQuery(
                items: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                    EventQuery.Item(
                        types: random.oneIn(2) ? [] : Set(random.subset(of: Self.types)),
                        tags: random.oneIn(2) ? [] : Set(Self.tags.filter { _ in random.oneIn(4) }))
                })
        }
        return filter
    }

    /// Whether an event passes, told without the code of the filter.
    static func plainly(_ event: RecordedEvent, passes filter: EventFilter) -> Bool {
        let stream = Array(event.stream.rawValue.utf8)
        let type = Array(event.type.rawValue.utf8)
        if stream.starts(with: Array("$$".utf8)) && !filter.includesControlEvents { return false }
        if !filter.categories.isEmpty || !filter.streamPrefixes.isEmpty {
            let category = Array(stream.prefix { $0 != UInt8(ascii: "-") })
            let fits =
                filter.categories.contains { Array($0.rawValue.utf8) == category }
                || filter.streamPrefixes.contains { stream.starts(with: Array($0.utf8)) }
            if !fits { return false }
        }
        if !filter.types.isEmpty || !filter.typePrefixes.isEmpty {
            let fits =
                filter.types.contains { Array($0.rawValue.utf8) == type }
                || filter.typePrefixes.contains { type.starts(with: Array($0.utf8)) }
            if !fits { return false }
        }
        for tag in filter.tags
        where !event.tags.contains(where: { Array($0.rawValue.utf8) == Array(tag.rawValue.utf8) }) {
            return false
        }
        if let query = filter.query, !query.items.contains(where: { $0.plainlyFits(event) }) { return false }
        return true
    }
}
