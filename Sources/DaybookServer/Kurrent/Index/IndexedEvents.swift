#if Server
import DaybookCore

/// The events of one stream that nobody writes, made of recorded ones.
struct IndexedEvents: Sendable {
    let log: KurrentLog
    let links: IndexStream.Links

    /// A recorded event, and its revision in the stream.
    struct Found: Sendable {
        let event: RecordedEvent
        let revision: Int64
    }

    /// The events of the stream by which recorded ones are in it, with these where they are asked for.
    func events(_ found: [Found], _ resolvesLinks: Bool) async throws -> [ResolvedEvent] {
        var visibility = Visibility(log: log)
        var events: [ResolvedEvent] = []
        events.reserveCapacity(found.count)
        for one in found {
            let link = links.link(to: one.event, revision: one.revision)
            if !resolvesLinks || link.type != KurrentNames.linkType {
                events.append(ResolvedEvent(link))
            } else if IndexStream.Links.isLink(one.event) {
                events.append(try await log.resolved(link))
            } else {
                let isShown = try await visibility.shows(one.event)
                events.append(ResolvedEvent(link: link, target: isShown ? KurrentEvent(one.event) : nil))
            }
        }
        return events
    }

    /// The events at positions, as many as make a page, but for those that are no longer in the log; and how many positions
    /// were looked at, of which the numbers are told by their place among them.
    func at(
        _ positions: [Position], _ revision: (Int) -> Int64
    ) async throws -> (found: [Found], looked: Int) {
        var found: [Found] = []
        var bytes = 0
        for (index, position) in positions.enumerated() {
            let page = try await log.store.readPage(
                from: .position(position), direction: .forward, filter: .all, limit: 1)
            if let event = page.events.first, event.position == position {
                found.append(Found(event: event, revision: revision(index)))
                bytes += event.data.count + event.metadata.count
            }
            if bytes >= Limits.pageBytes { return (found: found, looked: index + 1) }
        }
        return (found: found, looked: positions.count)
    }

    /// Whether the readers of streams see events, with what was asked of each stream for one page.
    private struct Visibility {
        let log: KurrentLog
        let now = TimeSource.system.now
        var states: [StreamName: StreamState] = [:]

        mutating func shows(_ event: RecordedEvent) async throws -> Bool {
            let state = try await self.state(of: event.stream)
            guard let subject = KurrentNames.subject(of: event.stream) else {
                return state.shows(version: event.version, recordedAt: event.recordedAt, now: now)
            }
            // Of the metadata of a stream the last event is shown, and none of one that is deleted for good.
            if let subjectStream = try? log.stream(subject),
                try await self.state(of: subjectStream).status == .tombstoned
            {
                return false
            }
            return event.version == state.lastVersion
        }

        private mutating func state(of stream: StreamName) async throws -> StreamState {
            if let known = states[stream] { return known }
            let state = try await log.store.state(of: stream)
            states[stream] = state
            return state
        }
    }
}
#endif
