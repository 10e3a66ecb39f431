extension InMemoryEventStore {
    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try checkPageLimit(limit)
        guard !Task.isCancelled else { throw .cancelled }
        let now = time.now
        return state.withLock { state in
            let streamState = state.streamState(stream)
            var events = (state.streams[stream] ?? []).map { state[$0] }.filter {
                streamState.shows(version: $0.version, recordedAt: $0.recordedAt, now: now)
            }
            if direction == .backward { events.reverse() }
            let rest: ArraySlice<RecordedEvent>
            switch (cursor, direction) {
            case (.start, .forward), (.end, .backward): rest = events[...]
            case (.start, .backward), (.end, .forward): rest = events.suffix(1)
            case (.version(let version), .forward): rest = events.drop { $0.version < version }
            case (.version(let version), .backward): rest = events.drop { $0.version > version }
            case (.position(let position), .forward): rest = events.drop { $0.position < position }
            case (.position(let position), .backward): rest = events.drop { $0.position > position }
            case (.time(let time), .forward): rest = events.drop { $0.recordedAt < time }
            case (.time(let time), .backward): rest = events.drop { $0.recordedAt > time }
            }
            let page = Self.page(rest, limit: limit)
            return StreamPage(events: page, state: streamState, isAtEnd: page.count == rest.count)
        }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try checkPageLimit(limit)
        try filter.query?.validate()
        guard !Task.isCancelled else { throw .cancelled }
        return state.withLock { state in
            let last = state.log.count
            var index: Int
            switch (cursor, direction) {
            case (.start, _): index = 0
            case (.end, _): index = last - 1
            case (.position(let position), .forward): index = Int(max(position.rawValue, 1)) - 1
            case (.position(let position), .backward): index = Int(min(max(position.rawValue, 0), Int64(last))) - 1
            case (.time(let time), .forward): index = state.log.firstIndex { $0.recordedAt >= time } ?? last
            case (.time(let time), .backward): index = state.log.lastIndex { $0.recordedAt <= time } ?? -1
            }
            if direction == .forward { index = max(index, 0) }
            let step = direction == .forward ? 1 : -1
            var events: [RecordedEvent] = []
            var bytes = 0
            var scanned = 0
            while state.log.indices.contains(index), events.count < limit, bytes < Limits.pageBytes,
                scanned < Limits.eventsScannedPerPage
            {
                let event = state.log[index]
                if filter.matches(event) {
                    events.append(event)
                    bytes += event.data.count + event.metadata.count
                }
                index += step
                scanned += 1
            }
            return LogPage(
                events: events, scannedThrough: Position(Int64(index - step + 1)),
                isAtEnd: !state.log.indices.contains(index))
        }
    }

    /// The first events, at most as many as the limit, and as many bytes as a page takes.
    private static func page(_ events: ArraySlice<RecordedEvent>, limit: Int) -> [RecordedEvent] {
        var bytes = 0
        return Array(
            events.prefix(limit).prefix { event in
                defer { bytes += event.data.count + event.metadata.count }
                return bytes < Limits.pageBytes
            })
    }
}
