#if Server
import DaybookCore

extension IndexStreamSource {
    /// The events of the stream by which recorded ones are in it, with these where they are asked for.
    func events(_ found: [Found], _ resolvesLinks: Bool) async throws -> [ResolvedEvent] {
        var visibility = Visibility(log: log)
        var events: [ResolvedEvent] = []
        events.reserveCapacity(found.count)
        for one in found {
            let link = table.links.link(to: one.event, revision: one.revision)
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
