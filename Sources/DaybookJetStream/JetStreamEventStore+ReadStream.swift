#if JetStream
import DaybookCore

extension JetStreamEventStore {
    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try checkPageLimit(limit)
        guard !Task.isCancelled else { throw .cancelled }
        guard let subject = subjects.subject(of: stream) else {
            return StreamPage(events: [], state: StreamState(), isAtEnd: true)
        }
        let head = try await head(of: subject)
        if stream.isControl {
            return try await controlPage(of: stream, head, from: cursor, direction: direction, limit: limit)
        }
        let state = head.state
        guard state.status == .live, let last = head.lastVersion else {
            return StreamPage(events: [], state: state, isAtEnd: true)
        }
        var low = state.firstVisibleVersion.rawValue
        var high = last.rawValue
        if let maxAge = state.retention.maxAge {
            let age = Timestamp(microseconds: 0).advanced(by: maxAge).microseconds
            let (cut, isTooFar) = configuration.time.now.microseconds.subtractingReportingOverflow(age)
            if !isTooFar, cut > 0 {
                let sequence = try await sequence(since: Timestamp(microseconds: cut + 1))
                low = max(low, try await version(atOrAfter: sequence, on: subject, head))
            }
        }
        switch (cursor, direction) {
        case (.start, .forward), (.end, .backward): break
        case (.start, .backward): high = min(high, low)
        case (.end, .forward): low = max(low, high)
        case (.version(let version), .forward): low = max(low, version.rawValue)
        case (.version(let version), .backward): high = min(high, version.rawValue)
        case (.position(let position), .forward):
            low = max(low, try await version(atOrAfter: position.rawValue, on: subject, head))
        case (.position(let position), .backward):
            if position.rawValue != .max {
                high = min(high, try await version(atOrAfter: position.rawValue + 1, on: subject, head) - 1)
            }
        case (.time(let time), .forward):
            low = max(low, try await version(atOrAfter: try await sequence(since: time), on: subject, head))
        case (.time(let time), .backward):
            if time.microseconds != .max {
                let behind = try await sequence(since: Timestamp(microseconds: time.microseconds + 1))
                high = min(high, try await version(atOrAfter: behind, on: subject, head) - 1)
            }
        }
        guard low <= high else { return StreamPage(events: [], state: state, isAtEnd: true) }
        let count = Int(min(high - low + 1, Int64(limit)))
        var events: [RecordedEvent]
        switch direction {
        case .forward: events = try await self.events(on: subject, from: low, count: count, head: head)
        case .backward:
            events = try await self.events(
                on: subject, from: high - Int64(count) + 1, count: count, head: head, isWhole: true
            ).reversed()
        }
        var bytes = 0
        if let end = events.firstIndex(where: { event in
            defer { bytes += event.data.count + event.metadata.count }
            return bytes >= Limits.pageBytes
        }) {
            events.removeSubrange(end...)
        }
        return StreamPage(events: events, state: state, isAtEnd: events.count == high - low + 1)
    }

    /// Events of consecutive versions, which are all there; fewer when they fill a page, unless all are asked for.
    func events(
        on subject: String, from version: Int64, count: Int, head: StreamHead, isWhole: Bool = false
    ) async throws(ReadError) -> [RecordedEvent] {
        let last = min(version + Int64(count) - 1, head.part.eventCount - 1)
        guard version <= last, version >= 0 else { return [] }
        var next = try await sequence(near: version, on: subject, head)
        var records: [LogRecord] = []
        var streams: [StreamName] = []
        var bytes = 0
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page = try await patiently { [next, records] () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: next, on: subject, limit: max(min(count - records.count, 1000), 16), bytes: 8 << 20,
                    in: subjects.stream, timeout: configuration.requestTimeout)
            }
            for message in page.messages {
                let (record, name) = try recordAndStream(message)
                next = message.sequence + 1
                guard !record.isControl, record.stream.eventCount - 1 >= version else { continue }
                guard record.stream.eventCount - 1 == version + Int64(records.count) else {
                    throw damage(
                        at: record.sequence, name,
                        "version \(record.stream.eventCount - 1) where \(version + Int64(records.count)) was to come")
                }
                records.append(record)
                streams.append(name)
                bytes += record.event.data.count + record.event.metadata.count
                if record.stream.eventCount - 1 == last || (bytes >= Limits.pageBytes && !isWhole) {
                    let events = try await recorded(records, of: streams)
                    return events
                }
            }
            if page.messages.isEmpty || page.pending == 0 { try await pauseForReplica(until: deadline) }
        }
    }

    /// A sequence from which a version is not far, and which is not behind it.
    private func sequence(
        near version: Int64, on subject: String, _ head: StreamHead
    ) async throws(ReadError) -> Int64 {
        if version == head.part.eventCount - 1 { return head.part.lastEvent }
        var low = (version: Int64(0), sequence: head.part.firstEvent)
        var high = (version: head.part.eventCount - 1, sequence: head.part.lastEvent)
        while version - low.version > 32, high.sequence - low.sequence > 64 {
            // Where it would be if the stream's events were spread evenly; a little before, to be behind it seldom.
            let share = Double(version - low.version) / Double(high.version - low.version)
            let guess = low.sequence + Int64(Double(high.sequence - low.sequence) * share * 0.98) - 4
            let probe = min(max(guess, low.sequence + 1), high.sequence - 1)
            let found = try await self.version(atOrAfter: probe, on: subject, head)
            if found > version {
                high = (found, probe)
                // Bisect next, so that an uneven spread costs no more than a logarithm.
                let middle = low.sequence + (probe - low.sequence) / 2
                guard middle > low.sequence else { break }
                let other = try await self.version(atOrAfter: middle, on: subject, head)
                if other <= version { low = (other, middle) } else { high = (other, middle) }
            } else {
                low = (found, probe)
            }
        }
        return low.sequence
    }

    /// The version of the first event at or above a sequence; one more than the last when there is none.
    private func version(
        atOrAfter sequence: Int64, on subject: String, _ head: StreamHead
    ) async throws(ReadError) -> Int64 {
        guard sequence > head.part.firstEvent else { return 0 }
        guard sequence <= head.part.lastEvent else { return head.part.eventCount }
        if sequence == head.part.lastEvent { return head.part.eventCount - 1 }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: sequence, on: subject, limit: 1, bytes: 1 << 24, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            if let message = page.messages.first {
                let record = try record(message)
                return record.isControl ? record.stream.eventCount : record.stream.eventCount - 1
            }
            try await pauseForReplica(until: deadline)
        }
    }

    /// Settings and deletions are few: they are read from the last one back to the first.
    private func controlPage(
        of stream: StreamName, _ head: StreamHead, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        var records: [LogRecord] = []
        var sequence = head.part.lastControl
        while sequence > 0 {
            let record = try record(try await message(at: sequence))
            records.append(record)
            sequence = record.stream.previousControl
        }
        var events = try await recorded(
            records.reversed(), of: Array(repeating: stream, count: records.count))
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
        let page = Array(rest.prefix(limit))
        return StreamPage(events: page, state: head.controlStreamState, isAtEnd: page.count == rest.count)
    }
}
#endif
