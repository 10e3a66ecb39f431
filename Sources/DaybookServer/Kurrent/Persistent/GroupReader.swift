#if Server
import DaybookCore

/// Where a group's reading stands.
struct GroupReader: Sendable {
    /// Nil for the whole log.
    let source: (any KurrentSource)?
    private var cursor: KurrentCursor
    /// Of the whole log: everything up to here was looked at.
    private(set) var position: Position

    /// Goes on behind a position of the log.
    init(after position: Position, of name: PersistentGroupName, in log: KurrentLog) async throws {
        self.position = position
        guard !name.isAll else {
            self.source = nil
            self.cursor = .start
            return
        }
        let stream = try log.source(of: name.stream)
        source = stream
        cursor = try await stream.following(after: position)
    }

    /// Begins where the settings say.
    init(start: PersistentSettings.Start, of name: PersistentGroupName, in log: KurrentLog) async throws {
        switch start {
        case .end(let position):
            try await self.init(after: Position(position), of: name, in: log)
        case .start:
            try await self.init(at: 0, of: name, in: log)
        case .at(let number):
            try await self.init(at: number, of: name, in: log)
        }
    }

    /// Begins with a revision, or a position.
    private init(at number: Int64, of name: PersistentGroupName, in log: KurrentLog) async throws {
        position = Position(max(number, 1) - 1)
        guard !name.isAll else {
            self.source = nil
            self.cursor = .start
            return
        }
        let stream = try log.source(of: name.stream)
        source = stream
        cursor = try await stream.following(number > 0 ? .at(number - 1) : .start)
    }

    /// The last revision that is behind the reader; nil when there is none.
    var previousRevision: Int64? { cursor.previousRevision }

    /// The next events, and whether there are no more. At most one page of the store, so that few may come though more are there.
    mutating func next(
        limit: Int, filter: KurrentFilter?, resolvesLinks: Bool, from log: KurrentLog
    ) async throws -> (events: [ReadEvent], isAtEnd: Bool) {
        guard let source else { return try await nextOfAll(limit, filter, resolvesLinks, from: log) }
        let page = try await source.nextPage(
            at: cursor, limit: min(limit, KurrentPage.limit), resolvesLinks: resolvesLinks)
        cursor = page.next
        let events = page.events.map { event in
            ReadEvent(
                place: GroupPlace(number: event.original.revision, position: event.original.position), wanted: event)
        }
        return (events, page.isAtEnd)
    }

    private mutating func nextOfAll(
        _ limit: Int, _ filter: KurrentFilter?, _ resolvesLinks: Bool, from log: KurrentLog
    ) async throws -> (events: [ReadEvent], isAtEnd: Bool) {
        let page = try await log.store.readPage(
            from: .after(position), direction: .forward, filter: .everything, limit: limit)
        var events: [ReadEvent] = []
        for event in page.events {
            var wanted: ResolvedEvent?
            if let shown = KurrentEvent(event), !shown.isHiddenFromAll, try filter?.matches(shown) ?? true {
                wanted = try await resolvesLinks ? log.resolved(shown) : ResolvedEvent(shown)
            }
            events.append(ReadEvent(place: GroupPlace(position: event.position.rawValue), wanted: wanted))
        }
        position = max(position, page.scannedThrough)
        return (events, page.isAtEnd)
    }
}
#endif
