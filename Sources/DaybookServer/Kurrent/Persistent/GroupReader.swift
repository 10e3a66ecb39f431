#if Server
import DaybookCore

/// Where a group's reading stands.
struct GroupReader: Sendable {
    /// Nil for the whole log.
    let stream: StreamName?
    private var cursor: StreamCursor
    /// Of the whole log: everything up to here was looked at.
    private(set) var position: Position

    /// Goes on behind an event.
    init(after position: Position, of name: PersistentGroupName, in log: KurrentLog) throws {
        stream = try name.isAll ? nil : log.stream(name.stream)
        cursor = .position(position.next)
        self.position = position
    }

    /// Begins where the settings say.
    init(start: PersistentSettings.Start, of name: PersistentGroupName, in log: KurrentLog) throws {
        switch start {
        case .start: try self.init(after: .start, of: name, in: log)
        case .end(let position): try self.init(after: Position(position), of: name, in: log)
        case .at(let number):
            try self.init(after: Position(max(number, 1) - 1), of: name, in: log)
            cursor = .version(StreamVersion(number))
        }
    }

    /// The next events, and whether there are no more. At most one page of the store, so that few may come though more are there.
    mutating func next(
        limit: Int, filter: KurrentFilter?, resolvesLinks: Bool, from log: KurrentLog
    ) async throws -> (events: [ReadEvent], isAtEnd: Bool) {
        guard let stream else {
            let page = try await log.store.readPage(
                from: .after(position), direction: .forward, filter: .everything, limit: limit)
            var events: [ReadEvent] = []
            for event in page.events {
                events.append(
                    ReadEvent(
                        place: GroupPlace(position: event.position.rawValue),
                        wanted: try await wanted(event, filter: filter, resolvesLinks: resolvesLinks, from: log)))
            }
            position = max(position, page.scannedThrough)
            return (events, page.isAtEnd)
        }
        let page = try await log.store.readPage(of: stream, from: cursor, direction: .forward, limit: limit)
        var events: [ReadEvent] = []
        for event in page.events {
            events.append(
                ReadEvent(
                    place: GroupPlace(number: event.version.rawValue, position: event.position.rawValue),
                    wanted: try await wanted(event, filter: nil, resolvesLinks: resolvesLinks, from: log)))
        }
        if let last = page.events.last { cursor = .version(last.version.next) }
        return (events, page.isAtEnd)
    }

    private func wanted(
        _ event: RecordedEvent, filter: KurrentFilter?, resolvesLinks: Bool, from log: KurrentLog
    ) async throws -> ReadEvent.Wanted? {
        guard let original = KurrentEvent(event) else { return nil }
        if stream == nil {
            guard !original.isHiddenFromAll, filter?.matches(original) ?? true else { return nil }
        }
        guard resolvesLinks, let place = original.linkTarget else {
            return .init(original: original, target: nil, isLink: false)
        }
        return .init(original: original, target: try await log.resolve(place), isLink: true)
    }
}
#endif
