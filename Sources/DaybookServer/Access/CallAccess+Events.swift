#if Server
import DaybookCore

extension CallAccess {
    /// Those of these events that the call may read: of links from the index, those to what it may read.
    static func visible(_ events: [KurrentEvent]) async throws(AccessDenial) -> [KurrentEvent] {
        try await visible(events) { [$0.concerned] }
    }

    static func visible(_ events: [RecordedEvent]) async throws(AccessDenial) -> [RecordedEvent] {
        try await visible(events) { [StreamResource(recorded: $0.stream)] }
    }

    /// A page of the log as the call may see it.
    ///
    /// Where a page ends tells that the filter has found something there. So one with events that are not shown is read on, until
    /// it has as many as were asked for, or has been read on ``AccessLimits/pagesReadOn`` times.
    static func visiblePage(
        of store: any EventStore, by meter: ReadMeter, from cursor: LogCursor, direction: ReadDirection,
        filter: EventFilter, limit: Int
    ) async throws -> LogPage {
        var page = try await meter.page(from: cursor, direction, filter: filter, limit: limit, in: store)
        var shown = try await visible(page.events)
        guard shown.count < page.events.count, filter != .all, filter != .everything else {
            return LogPage(events: shown, scannedThrough: page.scannedThrough, isAtEnd: page.isAtEnd)
        }
        var rest = AccessLimits.pagesReadOn
        while shown.count < limit, rest > 0, let next = page.next(direction) {
            rest -= 1
            page = try await meter.page(
                from: next, direction, filter: filter, limit: Limits.eventsPerPage, in: store)
            shown += try await visible(page.events)
        }
        guard shown.count >= limit else {
            return LogPage(events: shown, scannedThrough: page.scannedThrough, isAtEnd: page.isAtEnd)
        }
        shown.removeSubrange(limit...)
        return LogPage(events: shown, scannedThrough: shown[limit - 1].position, isAtEnd: false)
    }

    /// The same events without those links of the index that lead to what the call may not read, and otherwise as
    /// ``visibleTargets(_:)`` has them. The stream that they were read from may be read.
    static func visibleLinks(_ events: [ResolvedEvent]) async throws(AccessDenial) -> [ResolvedEvent] {
        let kept = try await visible(events) { event in
            StreamResource(client: event.original.stream).kind == .index ? [event.original.concerned] : []
        }
        return try await visibleTargets(kept)
    }

    /// The same events with what links lead to only where the call may read that.
    static func visibleTargets(_ events: [ResolvedEvent]) async throws(AccessDenial) -> [ResolvedEvent] {
        guard current != nil, events.contains(where: { $0.link != nil }) else { return events }
        var shown: [ResolvedEvent] = []
        shown.reserveCapacity(events.count)
        for event in events {
            guard let link = event.link, let target = event.event else {
                shown.append(event)
                continue
            }
            let isVisible = try await mayRead(target.concerned)
            if isVisible { try await noteTarget(target.concerned) }
            shown.append(isVisible ? event : ResolvedEvent(link: link, target: nil))
        }
        return shown
    }
}

extension LogPage {
    /// Where the next page begins; nil at the end.
    fileprivate func next(_ direction: ReadDirection) -> LogCursor? {
        guard !isAtEnd else { return nil }
        switch direction {
        case .forward: return .after(scannedThrough)
        case .backward: return scannedThrough.rawValue > 1 ? .position(scannedThrough.previous) : nil
        }
    }
}

extension KurrentEvent {
    /// The stream whose readers may see the event: of a link from the index, the one that it leads to.
    fileprivate var concerned: StreamResource {
        let own = StreamResource(client: stream)
        guard own.kind == .index, !own.isMetadata else { return own }
        if let target = linkTarget { return StreamResource(client: target.stream) }
        guard type == KurrentNames.streamReferenceType else { return own }
        return StreamResource(client: String(decoding: event.data, as: UTF8.self))
    }
}
#endif
