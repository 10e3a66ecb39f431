#if Server
import DaybookCore

/// Reads a stream by correlation. An event's revision is its number in the index, and stays so when the log is scavenged.
struct CorrelationSource: KurrentSource {
    let log: KurrentLog
    let stream: IndexStream
    let key: CorrelationKey
    let index: CorrelationIndex

    var subject: StreamSignals.Subject { stream.subject }

    func page(
        from cursor: KurrentCursor, direction: ReadDirection, limit: Int, resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let entry = try await index.entry(of: key)
        guard limit > 0, entry.count > 0 else {
            return KurrentPage(events: [], next: cursor, isAtEnd: limit > 0, isFound: entry.count > 0)
        }
        let most = Int64(min(limit, KurrentPage.limit))
        switch direction {
        case .forward: return try await forward(from: cursor, entry, limit: most, resolvesLinks)
        case .backward: return try await backward(from: cursor, entry, limit: most, resolvesLinks)
        }
    }

    private func forward(
        from cursor: KurrentCursor, _ entry: CorrelationEntry, limit: Int64, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let first: Int64 =
            switch cursor.place {
            case .start: 0
            case .end: entry.count - 1
            case .revision(let revision): max(revision, 0)
            }
        guard first < entry.count else {
            return KurrentPage(
                events: [], next: .revision(first), isAtEnd: true, isFound: true, lastRevision: entry.count - 1)
        }
        let positions = try await index.positions(first..<min(first + limit, entry.count), of: key, entry)
        let made = made
        let (found, looked) = try await made.at(positions) { first + Int64($0) }
        let next = first + Int64(looked)
        let isAtEnd = next >= entry.count
        return KurrentPage(
            events: try await made.events(found, resolvesLinks), next: .revision(next), isAtEnd: isAtEnd, isFound: true,
            lastRevision: isAtEnd ? entry.count - 1 : nil)
    }

    private func backward(
        from cursor: KurrentCursor, _ entry: CorrelationEntry, limit: Int64, _ resolvesLinks: Bool
    ) async throws -> KurrentPage {
        let last: Int64 =
            switch cursor.place {
            case .start: 0
            case .end: entry.count - 1
            case .revision(let revision): min(revision, entry.count - 1)
            }
        guard last >= 0 else { return KurrentPage(events: [], next: cursor, isAtEnd: true, isFound: true) }
        let positions = try await index.positions(max(last - limit + 1, 0)..<last + 1, of: key, entry)
        let made = made
        let (found, looked) = try await made.at(positions.reversed()) { last - Int64($0) }
        let next = last - Int64(looked)
        return KurrentPage(
            events: try await made.events(found, resolvesLinks), next: .revision(next), isAtEnd: next < 0, isFound: true
        )
    }

    private var made: IndexedEvents { IndexedEvents(log: log, links: IndexStream.Links(of: stream)) }

    func lastRevision() async throws -> Int64? {
        let count = try await index.entry(of: key).count
        return count > 0 ? count - 1 : nil
    }

    func following(_ start: ReadOptions.Start) async throws -> KurrentCursor {
        switch start {
        case .start: return .revision(0)
        case .at(let revision): return .revision(revision == .max ? revision : revision + 1)
        case .end: return .revision(try await index.entry(of: key).count)
        }
    }

    func following(after position: Position) async throws -> KurrentCursor {
        let entry = try await index.entry(of: key)
        return .revision(try await index.count(upTo: position, of: key, entry))
    }

    func nextPage(at cursor: KurrentCursor, limit: Int, resolvesLinks: Bool) async throws -> KurrentPage {
        try await page(from: cursor, direction: .forward, limit: limit, resolvesLinks: resolvesLinks)
    }

    func knownThrough() async throws -> Position { try await index.reached() }

    func farewell() async throws -> KurrentEvent? { nil }
}
#endif
