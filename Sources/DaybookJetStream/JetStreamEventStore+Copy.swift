#if JetStream
import DaybookCore

/// Imported events have sequences of their own, as all messages have, and with them new positions; the time at which another store
/// recorded them is part of the record.
///
/// What is imported is a part of the log before any that is appended: each batch expects the whole log to end where the one before
/// it ended, so that nobody else can write between them.
extension JetStreamEventStore: CopyableStore {
    public var keepsPositions: Bool { false }

    @discardableResult
    public func importEvents(_ events: [RecordedEvent]) async throws(LogCopyError) -> [Position] {
        guard !events.isEmpty else { return [] }
        guard !Task.isCancelled else { throw .cancelled }
        var last: Int64
        let before: ImportEnd
        var known: [String: StreamHead]
        do {
            last = try await lastMessage()?.sequence ?? 0
            before = try await readImportEnd()
            known = try await heads(
                of: Set(events.compactMap { subjects.subject(of: $0.stream) }),
                areKnown: importedThrough.withLock { $0 == last })
        } catch {
            throw LogCopyError(error)
        }
        try await requireImported(last, before)
        try check(events, behind: before, known)
        var rest = events[...]
        var positions: [Position] = []
        positions.reserveCapacity(events.count)
        while !rest.isEmpty {
            var count = 0
            let batch = ImportBatch(rest, behind: last, &known, subjects, count: &count)
            do { try await send(batch) } catch {
                // What came before it is there.
                if case .storageFailed(let reason, false) = error, !positions.isEmpty {
                    throw .storageFailed(reason: reason, mayBeWritten: true)
                }
                throw error
            }
            last = batch.end
            positions += (0..<count).map { Position(last - Int64(count - 1 - $0)) }
            let imported = ImportEnd(sequence: last, time: rest[rest.startIndex + count - 1].recordedAt)
            importEnd.withLock { $0.raise(to: imported) }
            rest = rest.dropFirst(count)
        }
        for (subject, head) in known { heads.set(head, for: subject) }
        importedThrough.withLock { $0 = last }
        return positions
    }

    public func importCommands(_ commands: [RecordedCommand]) async throws(LogCopyError) {
        guard !commands.isEmpty else { return }
        guard !Task.isCancelled else { throw .cancelled }
        let snapshot: LastMessages
        let head: Position
        do {
            var streams: Set<String> = []
            for stream in commands.flatMap({ $0.result.streams.map(\.stream) }) {
                if let subject = subjects.subject(of: stream), !isThere(subject) { streams.insert(subject) }
            }
            snapshot = try await lastMessages(of: commands.map { subjects.subject(of: $0.command) } + streams)
            head = try await headPosition(of: snapshot.last)
        } catch {
            throw LogCopyError(error)
        }
        var new: [RecordedCommand] = []
        var first: [CommandID: RecordedCommand] = [:]
        for command in commands {
            let result = command.result
            let areKnown = result.streams.allSatisfy { end in
                subjects.subject(of: end.stream).map { isThere($0) || snapshot.messages[$0] != nil } ?? false
            }
            guard result.position <= head, areKnown else { throw .unknownResult(command: command.command) }
            var known = first[command.command].map { Receipt(digest: $0.digest, result: $0.result) }
            if known == nil, let message = snapshot.messages[subjects.subject(of: command.command)] {
                do { known = try await receipt(message) } catch { throw LogCopyError(error) }
            }
            if let known {
                guard known == Receipt(digest: command.digest, result: result) else {
                    throw .commandDiffers(command: command.command)
                }
            } else {
                first[command.command] = command
                new.append(command)
            }
        }
        var last = snapshot.last?.sequence ?? 0
        var rest = new[...]
        while !rest.isEmpty {
            var count = 0
            let batch = ImportBatch(rest, behind: last, subjects, count: &count)
            do { try await send(batch) } catch {
                if case .storageFailed(let reason, false) = error, rest.count < new.count {
                    throw .storageFailed(reason: reason, mayBeWritten: true)
                }
                throw error
            }
            last = batch.end
            rest = rest.dropFirst(count)
        }
        importedThrough.withLock { through in if through == snapshot.last?.sequence ?? 0 { through = last } }
    }

    public func commands(after number: Int64, limit: Int) async throws(ReadError) -> [RecordedCommand] {
        try checkPageLimit(limit)
        guard !Task.isCancelled else { throw .cancelled }
        let end = try await lastMessage()?.sequence ?? 0
        var next = max(number, 0) + 1
        var found: [(command: CommandID, sequence: Int64, record: ReceiptRecord)] = []
        let deadline = ContinuousClock.now + configuration.readPatience
        while found.count < limit, next <= end {
            let page = try await patiently { [next, count = found.count] () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: next, on: subjects.receipts, limit: min(limit - count, 1000), bytes: 4 << 20,
                    in: subjects.stream, timeout: configuration.requestTimeout)
            }
            for message in page.messages {
                guard let command = subjects.command(of: message.subject) else {
                    throw damage(at: message.sequence, nil, "the subject \(message.subject)")
                }
                let record = try whole(message) { message throws(RecordReader.Damage) in try ReceiptRecord(message) }
                found.append((command, message.sequence, record))
                next = message.sequence + 1
            }
            if page.pending > 0, !page.messages.isEmpty { continue }
            let more = try await patiently { [next] () async throws(ConnectionFailure) in
                try await connection.nextMessage(
                    from: next, on: subjects.receipts, in: subjects.stream, timeout: configuration.requestTimeout)
            }
            guard let more, more.sequence <= end else { break }
            if page.messages.isEmpty { try await pauseForReplica(until: deadline) }
        }
        // The time of a command's own events is that of the last of them.
        var times: [Int64: Timestamp] = [:]
        let ends = found.compactMap(\.record.end).filter { $0 <= end }
        for start in stride(from: 0, to: ends.count, by: 256) {
            for message in try await messages(at: Array(ends[start..<min(start + 256, ends.count)])) {
                times[message.sequence] = recordedTime(message.time, at: message.sequence)
            }
        }
        return found.map { item in
            var result = item.record.result
            if let end = item.record.end { result.recordedAt = times[end] ?? result.recordedAt }
            return RecordedCommand(
                number: item.sequence, command: item.command, digest: item.record.digest, result: result)
        }
    }

    // MARK: - What stands there

    /// How far the log is imported, as the leader has it.
    @discardableResult
    func readImportEnd() async throws(ReadError) -> ImportEnd {
        let message = try await lastMessage(on: subjects.imports)
        if let message {
            let end = try whole(message) { message throws(RecordReader.Damage) in try ImportEnd(message) }
            importEnd.withLock { $0.raise(to: end) }
        }
        return importEnd.withLock { $0 }
    }

    /// Whether a stream is known to have a message.
    private func isThere(_ subject: String) -> Bool { heads[subject].map { $0.sequence > 0 } ?? false }

    /// The heads of streams, by subject.
    ///
    /// - Parameter areKnown: Whether those that are remembered are right: when nobody has written since they were.
    private func heads(of wanted: Set<String>, areKnown: Bool) async throws(ReadError) -> [String: StreamHead] {
        var found: [String: StreamHead] = [:]
        var missing: [String] = []
        for subject in wanted {
            if areKnown, let head = heads[subject] { found[subject] = head } else { missing.append(subject) }
        }
        guard !missing.isEmpty else { return found }
        let snapshot = try await lastMessages(of: missing)
        for subject in missing { found[subject] = try await head(from: snapshot.messages[subject]) }
        return found
    }

    /// Refuses a log that has events of its own.
    private func requireImported(_ last: Int64, _ imported: ImportEnd) async throws(LogCopyError) {
        guard last > imported.sequence else { return }
        let event: StoredMessage?
        do {
            event = try await patiently { () async throws(ConnectionFailure) in
                try await connection.nextMessage(
                    from: imported.sequence + 1, on: subjects.events, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
        } catch {
            throw LogCopyError(error)
        }
        guard event == nil else {
            throw .differs(
                position: Position(event?.sequence ?? 0),
                reason: "the target has events of its own there: import into a store that nobody appends to.")
        }
    }

    private func check(
        _ events: [RecordedEvent], behind imported: ImportEnd, _ known: [String: StreamHead]
    ) throws(LogCopyError) {
        do {
            try LogCopyError.check(
                events, follow: .start, recordedAt: imported.sequence == 0 ? nil : imported.time, keepsPositions: false
            ) { stream in
                guard let head = subjects.subject(of: stream).flatMap({ known[$0] }) else { return nil }
                guard stream.isControl else { return head.lastVersion }
                return head.part.controlCount == 0 ? nil : StreamVersion(head.part.controlCount - 1)
            }
        } catch let error as LogCopyError {
            throw error
        } catch {
            throw .storageFailed(reason: "\(error)", mayBeWritten: false)
        }
        for event in events {
            guard let subject = subjects.subject(of: event.stream) else {
                throw .unknownControl(position: event.position)
            }
            let bytes = event.data.count + event.metadata.count
            guard bytes + subject.utf8.count + 4096 <= maxPayload else {
                throw .storageFailed(
                    reason: JetStreamUnsupported.messageTooLarge(bytes: bytes, limit: maxPayload).description,
                    mayBeWritten: false)
            }
        }
    }

    // MARK: - Sending

    /// Sends a batch until it is stored.
    private func send(_ batch: ImportBatch) async throws(LogCopyError) {
        let deadline = ContinuousClock.now + configuration.appendPatience
        var mayBeStored = false
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let failure: ConnectionFailure
            do throws(ConnectionFailure) {
                let ack = try await connection.publishAcknowledged(
                    messages(of: batch), timeout: configuration.requestTimeout * 5)
                guard ack.sequence == batch.end else {
                    throw .unreadable("the batch ends at \(ack.sequence), not at \(batch.end)")
                }
                return noteStored(batch)
            } catch {
                failure = error
            }
            if failure.mayBeStored { mayBeStored = true }
            switch failure {
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            case .refused(10071, _):
                // By another writer, or by this same batch, whose acknowledgement was lost.
                if try await isStored(batch) { return noteStored(batch) }
            case .refused(10164, _), .refused(10176, _), .refused(10210, _), .refused(429, _): break
            case .refused(10199, _):
                throw .storageFailed(
                    reason: JetStreamUnsupported.batchTooLarge(messages: batch.messages.count).description,
                    mayBeWritten: mayBeStored)
            default:
                guard failure.isPassing else {
                    throw .storageFailed(reason: failure.reason, mayBeWritten: mayBeStored)
                }
            }
            guard ContinuousClock.now < deadline else {
                throw .storageFailed(reason: failure.reason, mayBeWritten: mayBeStored)
            }
            do { try await Task.sleep(for: .milliseconds(Int.random(in: 5...50))) } catch { throw .cancelled }
        }
    }

    private func noteStored(_ batch: ImportBatch) {
        guard let last = batch.messages.last else { return }
        highWaterMark.raise(to: .init(sequence: batch.end, hash: HighWaterMark.hash(last.body)))
    }

    /// Whether a batch stands where it was to stand; false when nothing stands there.
    private func isStored(_ batch: ImportBatch) async throws(LogCopyError) -> Bool {
        let message: StoredMessage?
        do {
            message = try await patiently { () async throws(ConnectionFailure) in
                try await connection.nextMessage(
                    from: batch.last + 1, on: subjects.all, in: subjects.stream, timeout: configuration.requestTimeout)
            }
        } catch {
            throw LogCopyError(error)
        }
        guard let message else { return false }
        var reader = RecordReader(message.body)
        if let place = try? LogRecord.place(&reader), place.append == batch.number { return true }
        throw .differs(
            position: Position(message.sequence),
            reason: "another program writes to the target: stop it, and begin again.")
    }

    private func messages(of batch: ImportBatch) -> [OutgoingMessage] {
        let id = nextBatchID()
        let count = batch.messages.count
        return batch.messages.enumerated().map { index, message in
            var outgoing = OutgoingMessage(subject: message.subject, body: message.body)
            if index == 0 { outgoing.headers.append(("Nats-Expected-Last-Sequence", String(batch.last))) }
            if count > 1 {
                outgoing.headers.append(("Nats-Batch-Id", id))
                outgoing.headers.append(("Nats-Batch-Sequence", String(index + 1)))
                if index == count - 1 { outgoing.headers.append(("Nats-Batch-Commit", "1")) }
            }
            return outgoing
        }
    }
}
#endif
