#if JetStream
import DaybookCore

extension JetStreamEventStore {
    public func head() async throws(ReadError) -> Position {
        try await headPosition(of: try await lastMessage())
    }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        while true {
            let head = try await head()
            if head > position { return head }
            // Word of new events comes from the leader; it may get lost, so that the log is looked at in any case.
            guard await watch.wait(beyond: max(position, head).rawValue, within: .milliseconds(500)) else {
                throw .cancelled
            }
        }
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        guard let subject = subjects.subject(of: stream) else { return StreamState() }
        let head = try await head(of: subject)
        return stream.isControl ? head.controlStreamState : head.state
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        guard let message = try await lastMessage(on: subjects.subject(of: command)) else { return nil }
        return try await receipt(message).result
    }

    /// Looks at every event that this process has not looked at before, and keeps the names of all streams.
    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try checkPageLimit(limit)
        var scanned = names.withLock(\.scanned)
        while true {
            let page = try await readPage(
                from: .after(Position(scanned)), direction: .forward, filter: .everything, limit: 1000)
            names.withLock { list in
                guard list.scanned == scanned else { return }
                for event in page.events {
                    list.add(event.stream.controlled ?? event.stream, isEvent: !event.stream.isControl)
                }
                list.scanned = max(scanned, page.scannedThrough.rawValue)
            }
            scanned = names.withLock(\.scanned)
            if page.isAtEnd { break }
        }
        return names.withLock { $0.page(after: after, limit: limit) }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try checkPageLimit(limit)
        try filter.query?.validate()
        guard !Task.isCancelled else { throw .cancelled }
        switch (cursor, direction) {
        case (.start, .forward): return try await forward(from: 1, filter, limit: limit)
        case (.position(let position), .forward):
            return try await forward(from: max(position.rawValue, 1), filter, limit: limit)
        case (.time(let time), .forward):
            return try await forward(from: try await sequence(since: time), filter, limit: limit)
        case (.end, .forward):
            let head = try await head()
            return try await forward(from: max(head.rawValue, 1), upTo: head.rawValue, filter, limit: limit)
        case (.start, .backward):
            let first = try await forward(from: 1, .everything, limit: 1).events.first
            return try await backward(from: first?.position.rawValue ?? 0, filter, limit: limit)
        case (.position(let position), .backward):
            return try await backward(from: position.rawValue, filter, limit: limit)
        case (.time(let time), .backward):
            let after = try await sequence(since: Timestamp(microseconds: time.microseconds &+ 1))
            return try await backward(
                from: time.microseconds == .max ? .max : after - 1, filter, limit: limit)
        case (.end, .backward): return try await backward(from: .max, filter, limit: limit)
        }
    }

    // MARK: - Forward

    /// - Parameter last: Where the log is taken to end; its own end when nil.
    private func forward(
        from first: Int64, upTo last: Int64? = nil, _ filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        if last == nil, let tags = Self.tags(of: filter) {
            return try await forward(from: first, along: tags, filter, limit: limit)
        }
        var subject = serverFilter(of: filter)
        var next = first
        var events: [LogRecord] = []
        var streams: [StreamName] = []
        var names: [String: StreamName] = [:]
        var bytes = 0
        var looked = 0
        var scanned = first - 1
        var isMore = false
        let deadline = ContinuousClock.now + configuration.readPatience
        var ahead = last == nil ? try await readAhead(from: first, on: subject, limit: limit) : nil
        while true {
            let (messages, pending) = try await some(
                from: next, on: subject, limit: limit - events.count, bytes: Limits.pageBytes - bytes, ahead: &ahead,
                isMore: isMore)
            var used = messages.startIndex
            for message in messages {
                if let last, message.sequence > last { break }
                let record = try record(message)
                let name = try stream(of: message, record, known: &names)
                used += 1
                scanned = message.sequence
                looked += 1
                if filter.matches(stream: name, type: record.event.type, tags: record.event.tags) {
                    events.append(record)
                    streams.append(name)
                    bytes += record.event.data.count + record.event.metadata.count
                    if events.count == limit || bytes >= Limits.pageBytes { break }
                }
            }
            if events.count == limit || bytes >= Limits.pageBytes || looked >= Limits.eventsScannedPerPage {
                if let ahead {
                    ahead.giveBack(messages[used...])
                    readAheads.keep(ahead, at: scanned + 1)
                } else if limit >= 100, pending > 1000 {
                    readAheads.noteEnd(scanned + 1, subject)
                }
                return LogPage(
                    events: try await recorded(events, of: streams), scannedThrough: Position(scanned), isAtEnd: false)
            }
            if let end = messages.last { next = end.sequence + 1 }
            if pending > 0, !messages.isEmpty, last.map({ next <= $0 }) ?? true { continue }
            // No more comes from there: does the leader have more?
            let lastMessage = try await lastMessage()
            let end = last == nil ? try await headPosition(of: lastMessage).rawValue : last ?? 0
            if next <= end, subject != subjects.events {
                // The events behind the last one that was found are looked through, unless they are many: then whoever has come
                // as far as the end tells whether there is one.
                let isFew = end - next < Self.eventsLookedThrough
                let isOver =
                    isFew ? nil : try await isEnd(next, of: subject, upTo: end, witness: lastMessage?.subject)
                if isOver == nil {
                    subject = subjects.events
                    if let ahead { ahead.end() }
                    ahead = nil
                }
                guard isOver == true else {
                    isMore = true
                    if isOver == false, messages.isEmpty, ahead == nil { try await pauseForReplica(until: deadline) }
                    continue
                }
                next = end + 1
            }
            if end < next {
                let through = max(end, scanned, first - 1)
                if let ahead { readAheads.keep(ahead, at: through + 1) }
                return LogPage(
                    events: try await recorded(events, of: streams), scannedThrough: Position(through), isAtEnd: true)
            }
            isMore = true
            if messages.isEmpty, ahead == nil { try await pauseForReplica(until: deadline) }
        }
    }

    /// What is sent ahead of a reader that goes through the log in large pages; nil for any other.
    private func readAhead(
        from first: Int64, on subject: String, limit: Int
    ) async throws(ReadError) -> LogReadAhead? {
        if let ahead = readAheads.take(first, subject) { return ahead }
        guard limit >= 100, readAheads.isContinued(first, subject) else { return nil }
        do {
            return try await LogReadAhead.begin(
                from: first, on: subject, in: subjects.stream, of: connection, timeout: configuration.requestTimeout)
        } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            default: return nil  // Page after page does as well.
            }
        }
    }

    /// Some messages from a sequence on, and whether there are more behind them.
    private func some(
        from next: Int64, on subject: String, limit: Int, bytes: Int, ahead: inout LogReadAhead?, isMore: Bool
    ) async throws(ReadError) -> (messages: ArraySlice<StoredMessage>, pending: Int64) {
        if let sent = ahead {
            let (messages, isAtEnd) = await sent.next(limit, within: .milliseconds(100), isMore: isMore)
            if !messages.isEmpty || (isAtEnd && !isMore) { return (messages, isAtEnd ? 0 : 1) }
            sent.end()
            ahead = nil
        }
        guard next < .max else { return ([], 0) }
        let page = try await patiently { () async throws(ConnectionFailure) in
            try await connection.directMessages(
                from: next, on: subject, limit: max(min(limit, 1000), 64), bytes: bytes + (1 << 16),
                in: subjects.stream, timeout: configuration.requestTimeout)
        }
        return (page.messages[...], page.pending)
    }

    /// At most so many events are looked through to find none that fits, instead of asking whether there is one.
    private static let eventsLookedThrough: Int64 = 512

    /// Whether nothing is on a subject from a sequence on, up to where the log has come; by the word of a replica that has come so
    /// far. A leader that was deposed, and does not know it yet, cannot tell.
    ///
    /// - Parameters:
    ///   - subject: One, or all those of a category.
    ///   - witness: A subject with a message at the end or behind it.
    /// - Returns: Nil when there are too many subjects to tell.
    func isEnd(
        _ next: Int64, of subject: String, upTo end: Int64, witness: String?
    ) async throws(ReadError) -> Bool? {
        guard next <= end else { return true }
        guard let witness else { return false }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page: JetStreamConnection.DirectPage? = try await patiently { () async throws(ConnectionFailure) in
                do throws(ConnectionFailure) {
                    // What lies before is left out: a server gives 64 MiB at once, and no more when asked again.
                    return try await connection.directLastMessages(
                        on: [subject, witness], from: next, in: subjects.stream, timeout: configuration.requestTimeout)
                } catch {
                    guard case .refused(413, _) = error else { throw error }
                    return nil
                }
            }
            guard let page else { return nil }
            if let upTo = page.upTo, upTo >= end, page.pending == 0 {
                return !page.messages.contains { $0.sequence >= next && matches($0.subject, subject) }
            }
            try await pauseForReplica(until: deadline)
        }
    }

    /// Whether a subject is of those that a filter names, by `*`.
    private func matches(_ subject: String, _ filter: String) -> Bool {
        let (tokens, wanted) = (
            subject.utf8.split(separator: UInt8(ascii: ".")), filter.utf8.split(separator: UInt8(ascii: "."))
        )
        return tokens.count == wanted.count
            && zip(tokens, wanted).allSatisfy { $1.elementsEqual("*".utf8) || $0.elementsEqual($1) }
    }

    /// What the server can choose by itself: the events of one category.
    private func serverFilter(of filter: EventFilter) -> String {
        guard filter.streamPrefixes.isEmpty, filter.categories.count == 1, let category = filter.categories.first else {
            return subjects.events
        }
        return subjects.subjects(of: category)
    }

    // MARK: - Backward

    private func backward(
        from first: Int64, _ filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        let head = try await head().rawValue
        var upper = min(first, head)
        var events: [LogRecord] = []
        var streams: [StreamName] = []
        var bytes = 0
        var looked = 0
        var window = Int64(max(min(limit, 1000), 64))
        while upper > 0 {
            let lower = max(upper - window + 1, 1)
            let (records, names) = try await range(lower...upper, on: subjects.events)
            for (record, name) in zip(records, names).reversed() {
                looked += 1
                guard filter.matches(stream: name, type: record.event.type, tags: record.event.tags) else { continue }
                events.append(record)
                streams.append(name)
                bytes += record.event.data.count + record.event.metadata.count
                if events.count == limit || bytes >= Limits.pageBytes {
                    return LogPage(
                        events: try await recorded(events, of: streams), scannedThrough: Position(record.sequence),
                        isAtEnd: false)
                }
            }
            upper = lower - 1
            if looked >= Limits.eventsScannedPerPage, upper > 0 {
                return LogPage(
                    events: try await recorded(events, of: streams), scannedThrough: Position(lower), isAtEnd: false)
            }
            window = min(window * 2, 2000)
        }
        return LogPage(events: try await recorded(events, of: streams), scannedThrough: Position(1), isAtEnd: true)
    }

    /// All messages of a subject within some sequences, which the leader has.
    private func range(
        _ sequences: ClosedRange<Int64>, on subject: String
    ) async throws(ReadError) -> ([LogRecord], [StreamName]) {
        var records: [LogRecord] = []
        var names: [StreamName] = []
        var next = sequences.lowerBound
        let deadline = ContinuousClock.now + configuration.readPatience
        while next <= sequences.upperBound {
            let page = try await patiently { [next] () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: next, on: subject, limit: Int(min(sequences.upperBound - next + 1, 1000)), bytes: 8 << 20,
                    in: subjects.stream, timeout: configuration.requestTimeout)
            }
            for message in page.messages {
                guard message.sequence <= sequences.upperBound else { return (records, names) }
                let (record, name) = try recordAndStream(message)
                records.append(record)
                names.append(name)
                next = message.sequence + 1
            }
            // The head is an event: somewhere there is one at the upper bound or behind it.
            if page.messages.isEmpty { try await pauseForReplica(until: deadline) }
        }
        return (records, names)
    }

    // MARK: - Times

    /// The first sequence whose event was recorded at or after a time; behind the end when there is none.
    func sequence(since time: Timestamp) async throws(ReadError) -> Int64 {
        guard time.microseconds > 0 else { return 1 }
        guard let last = try await lastMessage() else { return 1 }
        let imported = try await readImportEnd()
        if time <= imported.time { return try await sequence(since: time, upTo: imported) }
        guard time <= last.time else { return last.sequence + 1 }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let message = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessage(
                    since: time, on: subjects.all, in: subjects.stream, timeout: configuration.requestTimeout)
            }
            if let message {
                // All events of an append have the time of its last message, those before this one too.
                let place = try whole(message) { message throws(RecordReader.Damage) in
                    var reader = RecordReader(message.body)
                    return try LogRecord.place(&reader)
                }
                return max(message.sequence - place.index, imported.sequence + 1)
            }
            try await pauseForReplica(until: deadline)
        }
    }

    /// The first sequence whose event was recorded at or after a time, which the last imported event was.
    ///
    /// The leader's times tell nothing of imported events: the place is found by halving.
    private func sequence(since time: Timestamp, upTo imported: ImportEnd) async throws(ReadError) -> Int64 {
        var (low, high) = (Int64(1), imported.sequence)
        let deadline = ContinuousClock.now + configuration.readPatience
        while low < high {
            let middle = low + (high - low) / 2
            let page = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: middle, on: subjects.events, limit: 1, bytes: 1 << 24, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            guard let message = page.messages.first else {
                try await pauseForReplica(until: deadline)
                continue
            }
            let record = try record(message)
            let found: Timestamp
            if let importedTime = record.importedTime {
                found = importedTime
            } else {
                found = try await recordedTime(at: record.end)
            }
            if found < time { low = message.sequence + 1 } else { high = middle }
        }
        return low
    }

    // MARK: - Events

    func recordAndStream(_ message: StoredMessage) throws(ReadError) -> (LogRecord, StreamName) {
        let record = try record(message)
        var names: [String: StreamName] = [:]
        return (record, try stream(of: message, record, known: &names))
    }

    /// - Parameter names: The streams of subjects met before: most events of a page are of few streams.
    private func stream(
        of message: StoredMessage, _ record: LogRecord, known names: inout [String: StreamName]
    ) throws(ReadError) -> StreamName {
        if let name = names[message.subject] { return record.isControl ? name.control : name }
        guard let name = subjects.stream(of: message.subject) else {
            throw damage(at: message.sequence, nil, "the subject \(message.subject)")
        }
        names[message.subject] = name
        return record.isControl ? name.control : name
    }

    /// Events with the times of their appends, which are those of the last messages.
    func recorded(_ records: [LogRecord], of streams: [StreamName]) async throws(ReadError) -> [RecordedEvent] {
        var times: [Int64: Timestamp] = [:]
        if let imported = records.last(where: { $0.importedTime != nil }), let time = imported.importedTime {
            importEnd.withLock { $0.raise(to: ImportEnd(sequence: imported.sequence, time: time)) }
        }
        for record in records where record.place.remaining == 0 {
            times[record.sequence] = recordedTime(record.time, at: record.sequence)
        }
        var events: [RecordedEvent] = []
        events.reserveCapacity(records.count)
        for (record, stream) in zip(records, streams) {
            let time: Timestamp
            if let imported = record.importedTime {
                time = imported
            } else if let known = times[record.end] {
                time = known
            } else {
                time = try await recordedTime(at: record.end)
                times[record.end] = time
            }
            events.append(
                RecordedEvent(
                    id: record.event.id, type: record.event.type, schemaVersion: record.event.schemaVersion,
                    contentType: record.event.contentType, data: record.event.data, metadata: record.event.metadata,
                    tags: record.event.tags, stream: stream,
                    version: StreamVersion(
                        (record.isControl ? record.stream.controlCount : record.stream.eventCount) - 1),
                    position: Position(record.sequence), recordedAt: time))
        }
        return events
    }
}
#endif
