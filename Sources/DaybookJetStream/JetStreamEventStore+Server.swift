#if JetStream
import DaybookCore

/// Reads from the cluster, repeated while it has no leader, with the store's errors.
extension JetStreamEventStore {
    /// Repeats a request until it is answered or the patience is over.
    func patiently<Value>(
        _ request: () async throws(ConnectionFailure) -> Value
    ) async throws(ReadError) -> Value {
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            do { return try await request() } catch {
                switch error {
                case .cancelled: throw .cancelled
                case .closed: throw .closed
                default:
                    guard error.isPassing, ContinuousClock.now < deadline else {
                        throw .storageFailed(reason: error.reason)
                    }
                    do { try await Task.sleep(for: .milliseconds(Int.random(in: 10...60))) } catch { throw .cancelled }
                }
            }
        }
    }

    /// Waits a moment for a replica that is behind the leader.
    func pauseForReplica(until deadline: ContinuousClock.Instant) async throws(ReadError) {
        guard ContinuousClock.now < deadline else {
            throw .storageFailed(reason: "no replica has caught up with the leader")
        }
        do { try await Task.sleep(for: .milliseconds(2)) } catch { throw .cancelled }
    }

    /// The last message of the log, of any kind, as the leader has it.
    ///
    /// - Throws: ``ReadError/storageFailed(reason:)`` when it stands before what was acknowledged to this process.
    func lastMessage() async throws(ReadError) -> StoredMessage? {
        let acknowledged = highWaterMark.mark.sequence
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let last = try await patiently { () async throws(ConnectionFailure) in
                try await connection.lastMessage(on: ">", in: subjects.stream, timeout: configuration.requestTimeout)
            }
            if (last?.sequence ?? 0) >= acknowledged { return last }
            // A leader that was deposed may answer once more.
            guard ContinuousClock.now < deadline else {
                throw .storageFailed(
                    reason:
                        "the log ends at sequence \(last?.sequence ?? 0), and \(acknowledged) was acknowledged: the "
                        + "cluster lost acknowledged events; restore it")
            }
            do { try await Task.sleep(for: .milliseconds(50)) } catch { throw .cancelled }
        }
    }

    /// The last message on a stream's subject, as the leader has it.
    func lastMessage(on subject: String) async throws(ReadError) -> StoredMessage? {
        try await patiently { () async throws(ConnectionFailure) in
            try await connection.lastMessage(on: subject, in: subjects.stream, timeout: configuration.requestTimeout)
        }
    }

    func head(of subject: String) async throws(ReadError) -> StreamHead {
        let remembered = heads[subject]?.sequence ?? 0
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let message = try await lastMessage(on: subject)
            // What this process knows of is there: an answer before it comes from a leader that was deposed.
            if (message?.sequence ?? 0) >= remembered { return try await head(from: message) }
            heads.remove(subject)
            try await pauseForReplica(until: deadline)
        }
    }

    /// What a message on a stream's subject says of its stream.
    func head(from message: StoredMessage?) async throws(ReadError) -> StreamHead {
        guard let message else { return .none }
        let record = try record(message)
        var head = StreamHead(sequence: message.sequence, part: record.stream)
        if record.isControl {
            head.control = try control(record)
        } else if record.stream.lastControl > 0 {
            head.control = try await control(at: record.stream.lastControl)
        }
        return head
    }

    /// A control record never changes: it is remembered.
    private func control(at sequence: Int64) async throws(ReadError) -> StreamControl {
        if let known = controls.withLock({ $0[sequence] }) { return known }
        let control = try control(try record(try await message(at: sequence)))
        controls.withLock { controls in
            if controls.count >= configuration.cachedStreams { controls = [:] }
            controls[sequence] = control
        }
        return control
    }

    private func control(_ record: LogRecord) throws(ReadError) -> StreamControl {
        guard let control = StreamControl(decoding: record.event.data) else {
            throw damage(at: record.sequence, nil, "a control record that cannot be read")
        }
        return control
    }

    /// A message that is known to be there, from whichever replica has it.
    func message(at sequence: Int64) async throws(ReadError) -> StoredMessage {
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            let page = try await patiently { () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: sequence, on: subjects.all, limit: 1, bytes: 1 << 24, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            if let message = page.messages.first {
                guard message.sequence == sequence else { throw damage(at: sequence, nil, "the message is not there") }
                return message
            }
            // A replica that is behind, or a new leader that has not taken in all that was decided before it.
            try await pauseForReplica(until: deadline)
        }
    }

    /// When an append was recorded whose last message is at a sequence.
    func recordedTime(at sequence: Int64) async throws(ReadError) -> Timestamp {
        recordedTime(try await message(at: sequence).time, at: sequence)
    }

    /// When an append was recorded, given when the leader took its last message.
    func recordedTime(_ time: Timestamp, at sequence: Int64) -> Timestamp {
        importEnd.withLock { $0.recordedTime(time, at: sequence) }
    }

    struct LastMessages {
        /// The last message of the log.
        var last: StoredMessage?
        /// The last message of each subject that has one.
        var messages: [String: StoredMessage] = [:]
    }

    /// The last messages of some exact subjects, all as of one moment, which is not before this call.
    func lastMessages(of wanted: [String]) async throws(ReadError) -> LastMessages {
        let deadline = ContinuousClock.now + configuration.readPatience
        // What this process knows of is there: an answer before it comes from a leader that was deposed.
        let remembered = wanted.map { heads[$0]?.sequence ?? 0 }
        while true {
            if let snapshot = try await snapshot(of: wanted),
                zip(wanted, remembered).allSatisfy({ (snapshot.messages[$0]?.sequence ?? 0) >= $1 })
            {
                return snapshot
            }
            try await pauseForReplica(until: deadline)
        }
    }

    /// The last messages of some exact subjects; nil when a replica that answered has not come as far as the leader.
    ///
    /// What does not come in one answer is asked for as of the moment of the first one, which the others may have passed.
    private func snapshot(of wanted: [String]) async throws(ReadError) -> LastMessages? {
        guard var last = try await lastMessage() else { return LastMessages() }
        var snapshot = LastMessages()
        var reached: Int64?
        var count = 1000
        var rest = wanted[...]
        repeat {
            let slice = rest.prefix(count)
            // The subject of the last message is asked for too: a replica that has nothing of it is behind.
            let page = try await patiently { [last, reached] () async throws(ConnectionFailure) in
                try await connection.directLastMessages(
                    on: Array(Set(slice + [last.subject])), upTo: reached, in: subjects.stream,
                    timeout: configuration.requestTimeout)
            }
            guard let upTo = page.upTo, upTo >= last.sequence else { return nil }
            // A server that has given as many bytes as it gives says that none is behind them when it is one.
            let isCut = page.pending > 0 || page.messages.reduce(0) { $0 + $1.body.count } > Self.answerBytes
            if isCut, count > Self.fewSubjects {
                count = Self.fewSubjects
                continue
            }
            guard page.pending == 0, reached == nil || page.messages.contains(where: { $0.sequence == last.sequence })
            else { return nil }
            if reached == nil, upTo > last.sequence { last = try await message(at: upTo) }
            reached = upTo
            for message in page.messages { snapshot.messages[message.subject] = message }
            rest = rest.dropFirst(slice.count)
        } while !rest.isEmpty
        snapshot.last = last
        return snapshot
    }

    /// Of so many subjects a server gives the last messages in one answer, whatever size they have.
    private static var fewSubjects: Int { 32 }
    /// An answer of more bytes may be cut: servers end it at 64 MiB.
    private static var answerBytes: Int { 48 << 20 }

    /// The position of the last event, given the last message: what came since does not count.
    func headPosition(of last: StoredMessage?) async throws(ReadError) -> Position {
        guard let last else { return .start }
        switch try kind(of: last) {
        case .event, .control, .tag, .filler, .imported: return Position(last.sequence)
        // A receipt without events stands last: the last event is somewhere before it.
        case .receipt: return Position(try await lastEvent(before: last.sequence))
        }
    }

    /// The sequence of the last event in front of a receipt; 0 when there is none.
    private func lastEvent(before receipt: Int64) async throws(ReadError) -> Int64 {
        var known = receiptsAtEnd.withLock { $0 }
        if known.last >= receipt {
            if known.event < receipt { return known.event }
            known = ReceiptsAtEnd()
        }
        var upper = receipt - 1
        var window: Int64 = 16
        var event = known.event
        while upper > known.last {
            let lower = max(upper - window + 1, known.last + 1)
            if let found = try await lastEvent(in: lower...upper) {
                event = found
                break
            }
            upper = lower - 1
            window = min(window * 4, 1000)
        }
        receiptsAtEnd.withLock { if $0.last < receipt { $0 = ReceiptsAtEnd(last: receipt, event: event) } }
        return event
    }

    private func lastEvent(in sequences: ClosedRange<Int64>) async throws(ReadError) -> Int64? {
        let deadline = ContinuousClock.now + configuration.readPatience
        var next = sequences.lowerBound
        var event: Int64?
        while next <= sequences.upperBound {
            let page = try await patiently { [next] () async throws(ConnectionFailure) in
                try await connection.directMessages(
                    from: next, on: subjects.all, limit: Int(sequences.upperBound - next) + 1, bytes: 8 << 20,
                    in: subjects.stream, timeout: configuration.requestTimeout)
            }
            for message in page.messages where message.sequence <= sequences.upperBound {
                let kind = try kind(of: message)
                if kind == .event || kind == .control { event = message.sequence }
            }
            guard let end = page.messages.last else {
                // There is a receipt behind them: a replica that has none is behind.
                try await pauseForReplica(until: deadline)
                continue
            }
            next = end.sequence + 1
        }
        return event
    }

    private func kind(of message: StoredMessage) throws(ReadError) -> LogRecord.Kind {
        try whole(message) { message throws(RecordReader.Damage) in
            var reader = RecordReader(message.body)
            return try LogRecord.place(&reader).kind
        }
    }

    func receipt(_ message: StoredMessage) async throws(ReadError) -> Receipt {
        let record = try whole(message) { message throws(RecordReader.Damage) in try ReceiptRecord(message) }
        var result = record.result
        if let end = record.end { result.recordedAt = try await recordedTime(at: end) }
        return Receipt(digest: record.digest, result: result)
    }

    // MARK: - Records

    func record(_ message: StoredMessage) throws(ReadError) -> LogRecord {
        try whole(message) { message throws(RecordReader.Damage) in try LogRecord(message) }
    }

    func whole<Value>(
        _ message: StoredMessage, _ read: (StoredMessage) throws(RecordReader.Damage) -> Value
    ) throws(ReadError) -> Value {
        do { return try read(message) } catch {
            throw damage(
                at: message.sequence, subjects.stream(of: message.subject),
                "a message on \(message.subject) of another form")
        }
    }

    func damage(at sequence: Int64, _ stream: StreamName?, _ reason: String) -> ReadError {
        .corrupted(
            position: Position(sequence), stream: stream, file: "the JetStream stream \(subjects.stream)",
            reason: reason)
    }
}
#endif
