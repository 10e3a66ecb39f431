#if Server
import DaybookCore

/// Reads a stream from the index.
///
/// An event's revision is its ordinal number in the log as it is: scavenging, which takes events out of the log, makes the
/// numbers of those behind them smaller.
struct IndexStreamSource: KurrentSource {
    let log: KurrentLog
    let stream: IndexStream
    let table: IndexTable

    private var made: IndexedEvents { IndexedEvents(log: log, links: table.links) }

    var subject: StreamSignals.Subject { stream.subject }

    func page(
        from cursor: KurrentCursor, direction: ReadDirection, limit: Int, resolvesLinks: Bool
    ) async throws -> KurrentPage {
        guard limit > 0, let filter = stream.filter else {
            return KurrentPage(events: [], next: cursor, isAtEnd: limit > 0, isFound: try await table.hasEvents())
        }
        let most = min(limit, KurrentPage.limit)
        switch (direction, stream.isOfStreams) {
        case (.forward, false): return try await forward(from: cursor, filter, limit: most, resolvesLinks)
        case (.backward, false): return try await backward(from: cursor, filter, limit: most, resolvesLinks)
        case (.forward, true): return try await streamsForward(from: cursor, limit: most, resolvesLinks)
        case (.backward, true): return try await streamsBackward(from: cursor, limit: most, resolvesLinks)
        }
    }

    func lastRevision() async throws -> Int64? {
        let count = try await table.end().count
        return count > 0 ? count - 1 : nil
    }

    func following(_ start: ReadOptions.Start) async throws -> KurrentCursor {
        switch start {
        case .start: return KurrentCursor(.revision(0), at: Position.start.next)
        case .at(let revision): return .revision(revision == .max ? revision : revision + 1)
        case .end:
            let end = try await table.end()
            return KurrentCursor(.revision(end.count), at: end.through.next)
        }
    }

    func following(after position: Position) async throws -> KurrentCursor {
        let behind = position.rawValue == .max ? position : position.next
        guard let filter = stream.filter, let place = try await table.place(upTo: position) else {
            return KurrentCursor(.revision(0), at: behind)
        }
        if stream.isOfStreams {
            let near = try await table.positions(from: place.ordinal, limit: Int(OrdinalTable.stride)).positions
            return .revision(place.ordinal + Int64(near.count(where: { $0 <= position })))
        }
        var ordinal = place.ordinal
        var next = place.position
        while next <= position {
            let page = try await log.store.readPage(
                from: .position(next), direction: .forward, filter: filter, limit: Int(OrdinalTable.stride))
            ordinal += Int64(page.events.count(where: { $0.position <= position && stream.includes($0) }))
            if page.isAtEnd || page.scannedThrough >= position { break }
            next = max(next, page.scannedThrough.next)
        }
        return KurrentCursor(.revision(ordinal), at: behind)
    }

    func nextPage(at cursor: KurrentCursor, limit: Int, resolvesLinks: Bool) async throws -> KurrentPage {
        try await page(from: cursor, direction: .forward, limit: limit, resolvesLinks: resolvesLinks)
    }

    func knownThrough() async throws -> Position { try await log.store.head() }

    func farewell() async throws -> KurrentEvent? { nil }

    // MARK: - Events that the index leads to one behind another

    private func forward(
        from cursor: KurrentCursor, _ filter: EventFilter, limit: Int, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let revision = try await firstRevision(of: cursor)
        guard let place = try await self.place(of: cursor, revision) else {
            // Behind the event that comes next.
            return KurrentPage(
                events: [], next: .revision(revision), isAtEnd: true, isFound: try await table.hasEvents())
        }
        var (ordinal, position) = place
        var found: [IndexedEvents.Found] = []
        var isAtEnd = false
        while found.isEmpty, !isAtEnd {
            let page = try await log.store.readPage(
                from: .position(position), direction: .forward, filter: filter,
                limit: Int(max(revision - ordinal, 0)) + limit)
            for event in page.events where stream.includes(event) {
                if ordinal >= revision { found.append(IndexedEvents.Found(event: event, revision: ordinal)) }
                ordinal += 1
            }
            position = max(position, page.scannedThrough.next)
            isAtEnd = page.isAtEnd
        }
        return KurrentPage(
            events: try await made.events(found, resolvesLinks),
            next: ordinal < revision ? .revision(revision) : KurrentCursor(.revision(ordinal), at: position),
            isAtEnd: isAtEnd, isFound: ordinal > 0, lastRevision: isAtEnd && ordinal > 0 ? ordinal - 1 : nil)
    }

    /// The ordinal number at which a forward read begins.
    private func firstRevision(of cursor: KurrentCursor) async throws -> Int64 {
        switch cursor.place {
        case .start: return 0
        case .revision(let revision): return max(revision, 0)
        case .end:
            let count = try await table.end().count
            return max(count - 1, 0)
        }
    }

    /// The first event at or behind a position, by its number; nil when it is further than behind the end.
    private func place(
        of cursor: KurrentCursor, _ revision: Int64
    ) async throws -> (ordinal: Int64, position: Position)? {
        if let position = cursor.position { return (ordinal: revision, position: position) }
        if revision == 0 { return (ordinal: 0, position: Position.start.next) }
        return try await table.place(of: revision)
    }

    private func backward(
        from cursor: KurrentCursor, _ filter: EventFilter, limit: Int, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        guard let place = try await lastPlace(of: cursor, filter) else {
            return KurrentPage(events: [], next: cursor, isAtEnd: true, isFound: false)
        }
        var (ordinal, position) = place
        var found: [IndexedEvents.Found] = []
        var isAtEnd = false
        while found.isEmpty, !isAtEnd {
            let page = try await log.store.readPage(
                from: .position(position), direction: .backward, filter: filter, limit: limit)
            for event in page.events where ordinal >= 0 && stream.includes(event) {
                found.append(IndexedEvents.Found(event: event, revision: ordinal))
                ordinal -= 1
            }
            position = min(position, page.scannedThrough).previous
            isAtEnd = page.isAtEnd || ordinal < 0 || position <= .start
        }
        return KurrentPage(
            events: try await made.events(found, resolvesLinks),
            next: KurrentCursor(.revision(ordinal), at: position), isAtEnd: isAtEnd, isFound: true)
    }

    /// The number of the event at which a backward read begins, and a position at which it is the last one; nil when the
    /// stream has no event.
    private func lastPlace(
        of cursor: KurrentCursor, _ filter: EventFilter
    ) async throws -> (ordinal: Int64, position: Position)? {
        let revision: Int64
        switch cursor.place {
        case .start: revision = 0
        case .end: revision = .max
        case .revision(let asked):
            if let position = cursor.position { return (ordinal: asked, position: position) }
            revision = max(asked, 0)
        }
        guard revision < .max, let place = try await table.place(of: revision), revision < table.count else {
            let end = try await table.end()
            return end.count > 0 ? (ordinal: end.count - 1, position: end.through) : nil
        }
        var (ordinal, position) = place
        while true {
            // Up to the event itself, which is the last one of these.
            let page = try await log.store.readPage(
                from: .position(position), direction: .forward, filter: filter, limit: Int(revision - ordinal) + 1)
            for event in page.events where stream.includes(event) {
                if ordinal == revision { return (ordinal: ordinal, position: event.position) }
                ordinal += 1
            }
            position = max(position, page.scannedThrough.next)
            if page.isAtEnd { return ordinal > 0 ? (ordinal: ordinal - 1, position: page.scannedThrough) : nil }
        }
    }

    // MARK: - Streams, of whose events the first alone counts

    private func streamsForward(
        from cursor: KurrentCursor, limit: Int, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let first = try await firstRevision(of: cursor)
        let (positions, count) = try await table.positions(from: first, limit: limit)
        let (found, looked) = try await made.at(positions) { first + Int64($0) }
        let next = first + Int64(looked)
        return KurrentPage(
            events: try await made.events(found, resolvesLinks), next: .revision(next),
            // Fewer than were asked for: the table was looked through to the log's end.
            isAtEnd: looked == positions.count && looked < limit, isFound: count > 0)
    }

    private func streamsBackward(
        from cursor: KurrentCursor, limit: Int, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let count: Int64
        let last: Int64
        switch cursor.place {
        case .start:
            count = try await table.hasEvents() ? 1 : 0
            last = 0
        case .end:
            count = try await table.end().count
            last = count - 1
        case .revision(let revision):
            let known = try await table.positions(from: max(revision, 0), limit: 1).count
            if revision < known {
                count = known
            } else {
                count = try await table.end().count
            }
            last = min(revision, count - 1)
        }
        guard count > 0, last >= 0 else {
            return KurrentPage(events: [], next: cursor, isAtEnd: true, isFound: count > 0)
        }
        let first = max(last - Int64(limit) + 1, 0)
        let positions = try await table.positions(from: first, limit: Int(last - first) + 1).positions
        let (found, looked) = try await made.at(positions.reversed()) { last - Int64($0) }
        let next = last - Int64(looked)
        return KurrentPage(
            events: try await made.events(found, resolvesLinks), next: .revision(next), isAtEnd: next < 0, isFound: true
        )
    }
}
#endif
