#if JetStream
import DaybookCore

/// Reads of events by their tags, along the tags' markers: what has other tags costs nothing.
extension JetStreamEventStore {
    /// Tags one of which each event has that can pass a filter; nil when there are no such tags.
    static func tags(of filter: EventFilter) -> [Tag]? {
        if let tag = filter.tags.min() { return [tag] }
        guard let items = filter.query?.items, !items.isEmpty else { return nil }
        var tags: Set<Tag> = []
        for item in items {
            guard let tag = item.tags.min() else { return nil }
            tags.insert(tag)
        }
        return tags.sorted()
    }

    /// A page of the log from a sequence on, of events that have one of some tags and pass a filter.
    func forward(
        from first: Int64, along tags: [Tag], _ filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        let lastMessage = try await lastMessage()
        let head = try await headPosition(of: lastMessage).rawValue
        guard first <= head else {
            return LogPage(events: [], scannedThrough: Position(first - 1), isAtEnd: true)
        }
        // The markers of an append stand before its events.
        let begin = try await beginOfAppend(around: first)
        var trails = tags.map { Trail(subject: subjects.subject(of: $0), next: begin) }
        var positions: Set<Int64> = []
        var events: [LogRecord] = []
        var streams: [StreamName] = []
        var bytes = 0
        var looked = 0
        while true {
            var horizon = head
            for index in trails.indices where !trails[index].isOver {
                positions.formUnion(
                    try await follow(
                        &trails[index], upTo: head, witness: lastMessage?.subject, limit: max(min(limit, 1000), 16)))
                // Whatever the markers behind say comes behind what this one says.
                if !trails[index].isOver { horizon = min(horizon, trails[index].reached) }
            }
            let wanted = positions.filter { $0 >= first && $0 <= horizon }.sorted()
            positions = positions.filter { $0 > horizon }
            var next = 0
            while next < wanted.count {
                let some = Array(wanted[next..<min(next + max(min(limit - events.count, 256), 16), wanted.count)])
                next += some.count
                for message in try await messages(at: some) {
                    let (record, name) = try recordAndStream(message)
                    looked += 1
                    guard filter.matches(stream: name, type: record.event.type, tags: record.event.tags) else {
                        continue
                    }
                    events.append(record)
                    streams.append(name)
                    bytes += record.event.data.count + record.event.metadata.count
                    if events.count == limit || bytes >= Limits.pageBytes {
                        return LogPage(
                            events: try await recorded(events, of: streams),
                            scannedThrough: Position(record.sequence), isAtEnd: false)
                    }
                }
            }
            let isAtEnd = trails.allSatisfy(\.isOver)
            if isAtEnd || looked >= Limits.eventsScannedPerPage {
                return LogPage(
                    events: try await recorded(events, of: streams),
                    scannedThrough: Position(max(isAtEnd ? head : horizon, first - 1)), isAtEnd: isAtEnd)
            }
        }
    }

    /// A tag's markers, as far as they were read.
    private struct Trail {
        let subject: String
        /// Where to read on.
        var next: Int64
        /// The position of the last event that was named.
        var reached: Int64 = 0
        /// Whether there are no more.
        var isOver = false
    }

    /// The positions that the next markers of a tag name.
    private func follow(
        _ trail: inout Trail, upTo head: Int64, witness: String?, limit: Int
    ) async throws(ReadError) -> [Int64] {
        var positions: [Int64] = []
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page = try await patiently { [trail] () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: trail.next, on: trail.subject, limit: limit, bytes: 4 << 20, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            for message in page.messages {
                guard message.sequence <= head else {
                    trail.isOver = true
                    return positions
                }
                positions += try whole(message) { message throws(RecordReader.Damage) in
                    try LogRecord.positions(ofTag: message)
                }
                trail.next = message.sequence + 1
                trail.reached = positions.last ?? trail.reached
            }
            if positions.count >= limit { return positions }
            if page.pending > 0, !page.messages.isEmpty { continue }
            if try await isEnd(trail.next, of: trail.subject, upTo: head, witness: witness) ?? false {
                trail.isOver = true
                return positions
            }
            if page.messages.isEmpty { try await pauseForReplica(until: deadline) }
        }
    }

    /// Where the append begins that has the first message at or above a sequence.
    private func beginOfAppend(around sequence: Int64) async throws(ReadError) -> Int64 {
        guard sequence > 1 else { return 1 }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: sequence, on: subjects.all, limit: 1, bytes: 1 << 24, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            if let message = page.messages.first {
                let place = try whole(message) { message throws(RecordReader.Damage) in
                    var reader = RecordReader(message.body)
                    return try LogRecord.place(&reader)
                }
                return message.sequence - place.index
            }
            try await pauseForReplica(until: deadline)
        }
    }

    /// Messages at some sequences, in order; neighbours come in one request, and requests go out together.
    func messages(at sequences: [Int64]) async throws(ReadError) -> [StoredMessage] {
        var runs: [ClosedRange<Int64>] = []
        for sequence in sequences {
            if let last = runs.last, sequence - last.upperBound <= 4, sequence - last.lowerBound < 1000 {
                runs[runs.count - 1] = last.lowerBound...sequence
            } else {
                runs.append(sequence...sequence)
            }
        }
        let wanted = Set(sequences)
        var found: [Int64: StoredMessage] = [:]
        do {
            try await withThrowingTaskGroup(of: [StoredMessage].self) { group in
                for run in runs {
                    group.addTask {
                        if run.count == 1 { return [try await self.message(at: run.lowerBound)] }
                        return try await self.range(of: run)
                    }
                }
                for try await messages in group {
                    for message in messages where wanted.contains(message.sequence) {
                        found[message.sequence] = message
                    }
                }
            }
        } catch let error as ReadError {
            throw error
        } catch {
            throw .cancelled
        }
        var ordered: [StoredMessage] = []
        for sequence in sequences {
            guard let message = found[sequence] else { throw damage(at: sequence, nil, "the message is not there") }
            ordered.append(message)
        }
        return ordered
    }

    private func range(of run: ClosedRange<Int64>) async throws(ReadError) -> [StoredMessage] {
        var messages: [StoredMessage] = []
        var next = run.lowerBound
        let deadline = ContinuousClock.now + configuration.readPatience
        while next <= run.upperBound {
            let page = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: next, on: subjects.all, limit: Int(run.upperBound - next + 1), bytes: 8 << 20,
                    in: subjects.stream, timeout: configuration.requestTimeout)
            }
            messages += page.messages
            if let last = page.messages.last {
                next = last.sequence + 1
            } else {
                try await pauseForReplica(until: deadline)
            }
        }
        return messages
    }
}
#endif
