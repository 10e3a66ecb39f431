#if Server
import DaybookCore

/// A stream that clients write: its events are those that are recorded in it.
struct RecordedStream: KurrentSource {
    let log: KurrentLog
    /// To clients.
    let name: String
    let stream: StreamName

    var subject: StreamSignals.Subject { .stream(stream) }

    func page(
        from cursor: KurrentCursor, direction: ReadDirection, limit: Int, resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let start: StreamCursor
        switch cursor.place {
        case .start: start = .start
        case .end: start = .end
        case .revision(let revision): start = .version(StreamVersion(revision))
        }
        var read = try await shownPage(from: start, direction, limit: limit)
        if read.events.count > limit { read.events.removeSubrange(limit...) }
        return try await page(of: read, from: cursor, direction, resolvesLinks)
    }

    /// A page of the stream as its readers see it. Of the metadata of a stream they see the last event alone.
    private func shownPage(
        from cursor: StreamCursor, _ direction: ReadDirection, limit: Int
    ) async throws -> StreamPage {
        guard let subject = KurrentNames.subject(of: stream) else {
            let page = try await log.store.readPage(
                of: stream, from: cursor, direction: direction, limit: max(1, min(limit, KurrentPage.limit)))
            if page.state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
            return page
        }
        if let subjectStream = try? log.stream(subject),
            try await log.store.state(of: subjectStream).status == .tombstoned
        {
            throw KurrentFailure.streamDeleted(name)
        }
        var page = try await log.store.readPage(of: stream, from: .end, direction: .backward, limit: 1)
        page.isAtEnd = true
        if let last = page.events.last?.version {
            let isShown =
                switch cursor {
                case .version(let version): direction == .forward ? version <= last : version >= last
                case .start: direction == .forward || last == .first
                default: true
                }
            if !isShown { page.events = [] }
        }
        return page
    }

    func lastRevision() async throws -> Int64? { try await log.store.state(of: stream).lastVersion?.rawValue }

    func following(_ start: ReadOptions.Start) async throws -> KurrentCursor {
        let state = try await log.store.state(of: stream)
        if state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
        var next: Int64
        switch start {
        case .start: next = 0
        case .at(let revision): next = revision == .max ? revision : revision + 1
        case .end: next = (state.lastVersion?.rawValue ?? -1) + 1
        }
        if KurrentNames.subject(of: stream) != nil, let last = state.lastVersion { next = max(next, last.rawValue) }
        return .revision(next)
    }

    func following(after position: Position) async throws -> KurrentCursor {
        let next = position.rawValue == .max ? position : position.next
        let page = try await log.store.readPage(of: stream, from: .position(next), direction: .forward, limit: 1)
        if page.state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
        return .revision(page.events.first?.version.rawValue ?? (page.state.lastVersion?.rawValue ?? -1) + 1)
    }

    func nextPage(at cursor: KurrentCursor, limit: Int, resolvesLinks: Bool) async throws -> KurrentPage {
        guard case .revision(let revision) = cursor.place else {
            return try await page(from: cursor, direction: .forward, limit: limit, resolvesLinks: resolvesLinks)
        }
        let read = try await log.store.readPage(
            of: stream, from: .version(StreamVersion(revision)), direction: .forward,
            limit: max(1, min(limit, KurrentPage.limit)))
        if read.state.status == .tombstoned { throw KurrentFailure.streamDeleted(name) }
        return try await page(of: read, from: cursor, .forward, resolvesLinks)
    }

    func knownThrough() async throws -> Position { try await log.store.head() }

    func farewell() async throws -> KurrentEvent? {
        guard try await log.store.state(of: stream).status == .tombstoned else { return nil }
        return try await log.lastEvent(of: stream.control).flatMap(KurrentEvent.init)
    }

    private func page(
        of read: StreamPage, from cursor: KurrentCursor, _ direction: ReadDirection, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let events = read.events.compactMap(KurrentEvent.init)
        let shown: [ResolvedEvent]
        if resolvesLinks {
            shown = try await log.resolved(events[...])
        } else {
            shown = events.map { ResolvedEvent($0) }
        }
        var next = cursor
        if let last = shown.last?.original.revision { next = .revision(direction == .forward ? last + 1 : last - 1) }
        return KurrentPage(
            events: shown, next: next,
            isAtEnd: events.isEmpty || (read.isAtEnd && shown.count == events.count),
            isFound: read.state.status == .live, firstRevision: read.state.firstVisibleVersion.rawValue,
            lastRevision: read.state.lastVersion?.rawValue)
    }
}
#endif
