#if JetStream
import DaybookCore

extension JetStreamEventStore {
    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        do { try request.validate() } catch { throw .invalid(error) }
        let keys = turnKeys(of: request)
        guard await turns.take(keys) else { throw .cancelled(mayBeWritten: false) }
        defer { turns.giveBack(keys) }
        watch.beginInterest()
        defer { watch.endInterest() }
        do {
            return try await decideAndRecord(request)
        } catch {
            for write in request.writes {
                if let subject = subjects.subject(of: write.stream) { heads.remove(subject) }
            }
            throw error
        }
    }

    private func turnKeys(of request: AppendRequest) -> [String] {
        var keys: Set<String> = []
        for write in request.writes { if let subject = subjects.subject(of: write.stream) { keys.insert(subject) } }
        if let commandID = request.commandID { keys.insert(subjects.subject(of: commandID)) }
        for item in request.condition?.failIfEventsMatch.items ?? [] {
            // Appends on the whole log's state refuse each other, whatever they write.
            if item.tags.isEmpty { keys.insert(subjects.all) }
            for tag in item.tags { keys.insert(subjects.subject(of: tag)) }
        }
        return keys.sorted()
    }

    private func decideAndRecord(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        let digest = request.commandID == nil ? 0 : RequestDigest(request).value
        var attempts = AppendAttempts(until: .now + configuration.appendPatience)
        var knowledge = remembered(for: request)
        while true {
            let decision: AppendDecision
            do {
                decision = try request.decide(on: &knowledge, digest: digest)
            } catch {
                if let missing = knowledge.missing {
                    try await load(missing, for: request, into: &knowledge, &attempts)
                    continue
                }
                guard knowledge.isFresh else {
                    knowledge = try await fresh(for: request, &attempts)
                    continue
                }
                // What came first may be an attempt of this one; and nothing is refused while one may be stored yet.
                if let (plan, end) = try await storedAttempt(as: knowledge, &attempts) {
                    return try await stored(plan, at: end)
                }
                guard attempts.isAnyUnknown else { throw error }
                try await attempts.pause(of: .milliseconds(50), after: .timedOut)
                knowledge = try await fresh(for: request, &attempts)
                continue
            }
            let plan: AppendPlan
            switch decision {
            case .answer(let result):
                guard knowledge.isFresh else {
                    knowledge = try await fresh(for: request, &attempts)
                    continue
                }
                // What looks like an earlier append may be an attempt of this one, stored after it was last looked for.
                if let (plan, end) = try await storedAttempt(as: knowledge, &attempts) {
                    return try await stored(plan, at: end)
                }
                return result
            case .remember(let result):
                guard knowledge.isFresh else {
                    knowledge = try await fresh(for: request, &attempts)
                    continue
                }
                plan = AppendPlan(
                    remembering: result, of: request.commandID!, digest: digest, expectedLast: nil,
                    subjects: subjects)
            case .record where request.writes.isEmpty:
                guard knowledge.isFresh else {
                    knowledge = try await fresh(for: request, &attempts)
                    continue
                }
                let result = AppendResult(
                    streams: [], position: knowledge.head, eventCount: 0,
                    recordedAt: max(configuration.time.now, Timestamp(microseconds: 0)))
                plan = AppendPlan(
                    remembering: result, of: request.commandID!, digest: digest,
                    expectedLast: knowledge.lastSequence, subjects: subjects)
            case .record:
                plan = AppendPlan(
                    recording: request, digest: digest, knowledge: knowledge, subjects: subjects)
            }
            if let result = try await publish(plan, &attempts) { return result }
            knowledge = try await fresh(for: request, &attempts)
            if let (plan, end) = try await storedAttempt(as: knowledge, &attempts) {
                return try await stored(plan, at: end)
            }
        }
    }

    /// Publishes a plan until its outcome is known.
    ///
    /// - Returns: Nil when another writer was first, so that the request must be decided anew.
    private func publish(
        _ plan: AppendPlan, _ attempts: inout AppendAttempts
    ) async throws(AppendError) -> AppendResult? {
        // Beside its body a message has its subject, and headers with at most another one.
        for message in plan.messages
        where message.body.count + 512 + message.subject.utf8.count + (message.expectedSubject?.utf8.count ?? 0)
            > maxPayload
        {
            throw JetStreamUnsupported.messageTooLarge(bytes: message.body.count, limit: maxPayload).appendError(
                mayBeWritten: attempts.isAnyUnknown)
        }
        while true {
            guard !Task.isCancelled else { throw .cancelled(mayBeWritten: attempts.isAnyUnknown) }
            // Whatever comes now lies behind what was acknowledged before.
            let floor = highWaterMark.mark.sequence
            do {
                let ack = try await connection.publishAcknowledged(
                    messages(of: plan), timeout: configuration.requestTimeout)
                guard ack.sequence > floor else {
                    throw AppendError.storageFailed(
                        reason:
                            "The cluster gave position \(ack.sequence), and had acknowledged \(floor) before: it has lost "
                            + "events. Stop, and restore it from a copy.",
                        mayBeWritten: true)
                }
                return try await stored(plan, at: ack.sequence)
            } catch let failure as ConnectionFailure {
                attempts.note(failure, of: plan)
                switch failure {
                case .refused(10071, _):
                    // By a rival, or by this same append, whose acknowledgement was lost.
                    try await attempts.pause(afterConflict: failure)
                    return nil
                case .refused(10164, _):
                    // Another write of this subject is under way.
                    try await attempts.pause(of: .milliseconds(3), after: failure)
                case .refused(10176, _), .refused(10210, _), .refused(429, _):
                    try await attempts.pause(of: .milliseconds(20), after: failure)
                case .refused(10199, _):
                    throw JetStreamUnsupported.batchTooLarge(messages: plan.messages.count).appendError(
                        mayBeWritten: attempts.isAnyUnknown)
                case .refused(10054, _):
                    throw JetStreamUnsupported.messageTooLarge(
                        bytes: plan.messages.map(\.body.count).max() ?? 0, limit: maxPayload
                    ).appendError(mayBeWritten: attempts.isAnyUnknown)
                case .closed: throw attempts.isAnyUnknown ? attempts.error(failure) : .closed
                case .cancelled: throw .cancelled(mayBeWritten: attempts.isAnyUnknown)
                default:
                    guard failure.isPassing else { throw attempts.error(failure) }
                    try await attempts.pause(of: .milliseconds(50), after: failure)
                }
            } catch let error as AppendError {
                throw error
            } catch {
                throw .storageFailed(reason: "\(error)", mayBeWritten: true)
            }
        }
    }

    private func messages(of plan: AppendPlan) -> [OutgoingMessage] {
        let isBatch = plan.messages.count > 1
        let batch = isBatch ? nextBatchID() : ""
        var messages: [OutgoingMessage] = []
        messages.reserveCapacity(plan.messages.count)
        for (index, message) in plan.messages.enumerated() {
            var outgoing = OutgoingMessage(subject: message.subject, body: message.body)
            if index == 0, let last = plan.expectedLast {
                outgoing.headers.append(("Nats-Expected-Last-Sequence", String(last)))
            }
            if let expected = message.expected {
                outgoing.headers.append(("Nats-Expected-Last-Subject-Sequence", String(expected)))
                if let subject = message.expectedSubject {
                    outgoing.headers.append(("Nats-Expected-Last-Subject-Sequence-Subject", subject))
                }
            }
            if isBatch {
                outgoing.headers.append(("Nats-Batch-Id", batch))
                outgoing.headers.append(("Nats-Batch-Sequence", String(index + 1)))
                if index == plan.messages.count - 1 { outgoing.headers.append(("Nats-Batch-Commit", "1")) }
            }
            messages.append(outgoing)
        }
        return messages
    }

    /// A plan that was not acknowledged, and which is there all the same, with the sequence of its last message.
    ///
    /// A plan was stored if and only if its message is the next one on the subject that it expected to end somewhere. Where
    /// the subject ends now is known: a replica that has not come so far is asked again. A plan that cannot be stored
    /// any more is ruled out.
    private func storedAttempt(
        as knowledge: AppendKnowledge, _ attempts: inout AppendAttempts
    ) async throws(AppendError) -> (AppendPlan, end: Int64)? {
        let deadline = ContinuousClock.now + configuration.readPatience
        let plans = attempts.unknown.map { ($0, false) } + attempts.refused.map { ($0, true) }
        for (plan, isRefused) in plans {
            guard let witness = plan.witness else { continue }
            if knowledge.rulesOut(plan) {
                attempts.ruleOut(plan)
                continue
            }
            let end = knowledge.ends[witness.subject] ?? 0
            if isRefused, end <= witness.after { continue }  // Nothing has come since.
            do {
                while true {
                    let page = try await patiently { () async throws(ConnectionFailure) in
                        try await connection.directMessages(
                            from: witness.after + 1, on: witness.subject, limit: 1, bytes: 1 << 24,
                            in: subjects.stream, timeout: configuration.requestTimeout)
                    }
                    if let message = page.messages.first {
                        let place = try whole(message) { message throws(RecordReader.Damage) in
                            var reader = RecordReader(message.body)
                            return try LogRecord.place(&reader)
                        }
                        if let (found, _) = plans.first(where: { $0.0.number == place.append }) {
                            return (found, message.sequence + place.remaining)
                        }
                        attempts.ruleOut(plan)
                        break
                    }
                    guard end > witness.after else { break }
                    try await pauseForReplica(until: deadline)
                }
            } catch {
                throw attempts.error(reading: error)
            }
        }
        return nil
    }

    /// What is left to do when a plan is stored: remember its streams, learn its time.
    private func stored(_ plan: AppendPlan, at last: Int64) async throws(AppendError) -> AppendResult {
        try noteAcknowledged(last, body: plan.messages.last?.body ?? [])
        for (subject, head, relative) in plan.heads {
            var head = head
            head.sequence += last
            if relative.lastEvent { head.part.lastEvent += last }
            if relative.firstEvent { head.part.firstEvent += last }
            if relative.lastControl { head.part.lastControl += last }
            heads.set(head, for: subject)
        }
        guard plan.hasEvents else { return plan.result }
        var result = plan.result
        result.position = Position(last)
        if let time = await watch.time(of: last, within: .milliseconds(50)) {
            result.recordedAt = recordedTime(time, at: last)
        } else {
            do { result.recordedAt = try await recordedTime(at: last) } catch {
                guard error != .cancelled else { throw .cancelled(mayBeWritten: true) }
                throw .storageFailed(
                    reason: "the time of position \(last) cannot be read: \(error)", mayBeWritten: true)
            }
        }
        return result
    }

    // MARK: - What a decision is made on

    /// What this process remembers of the request's streams. A stream that is expected not to be there is taken not to be.
    private func remembered(for request: AppendRequest) -> AppendKnowledge {
        var knowledge = AppendKnowledge(subjects: subjects, isFresh: false)
        guard request.condition == nil, !request.writes.isEmpty else { return knowledge }
        for write in request.writes {
            guard let subject = subjects.subject(of: write.stream) else { continue }
            knowledge.heads[subject] = heads[subject] ?? (write.expected == .noStream ? StreamHead.none : nil)
        }
        for check in request.checks {
            guard let subject = subjects.subject(of: check.stream) else { continue }
            knowledge.heads[subject] = heads[subject]
        }
        return knowledge
    }

    private func load(
        _ missing: AppendKnowledge.Missing, for request: AppendRequest, into knowledge: inout AppendKnowledge,
        _ attempts: inout AppendAttempts
    ) async throws(AppendError) {
        guard knowledge.isFresh else {
            knowledge = try await fresh(for: request, &attempts)
            return
        }
        do {
            switch missing {
            case .stream(let stream):
                guard let subject = subjects.subject(of: stream) else { return }
                knowledge.heads[subject] = try await head(of: subject)
            case .places(let stream, let version, let count):
                guard let subject = subjects.subject(of: stream) else { return }
                // All of them, whatever they take, page by page: with the first page alone a repeat would not be known again.
                var places: [EventPlace?] = []
                while places.count < count {
                    let page = try await events(
                        on: subject, from: version.rawValue + Int64(places.count), count: count - places.count,
                        head: knowledge.heads[subject] ?? .none)
                    if page.isEmpty { break }
                    for event in page {
                        places.append(EventPlace(id: event.id, position: event.position, recordedAt: event.recordedAt))
                    }
                }
                knowledge.places[AppendKnowledge.key(stream, version, count)] = places
            case .match:
                if let condition = request.condition {
                    knowledge.match = .some(
                        try await firstMatch(of: condition, knowledge: knowledge))
                }
            }
            knowledge.forgetMissing()
        } catch {
            throw attempts.error(reading: error)
        }
    }

    /// Reads what a request is decided on from the leader, as of one moment.
    private func fresh(
        for request: AppendRequest, _ attempts: inout AppendAttempts
    ) async throws(AppendError) -> AppendKnowledge {
        var knowledge = AppendKnowledge(subjects: subjects, isFresh: true)
        var streams: [String] = []
        for stream in request.writes.map(\.stream) + request.checks.map(\.stream) {
            // A stream and its control stream have one subject.
            if let subject = subjects.subject(of: stream), !streams.contains(subject) { streams.append(subject) }
        }
        var tags: [String: Tag] = [:]
        for item in request.condition?.failIfEventsMatch.items ?? [] {
            for tag in item.tags { tags[subjects.subject(of: tag)] = tag }
        }
        do {
            if request.commandID == nil, request.condition == nil, streams.count == 1 {
                let head = try await head(of: streams[0])
                knowledge.heads[streams[0]] = head
                knowledge.ends[streams[0]] = head.sequence
            } else {
                let receipt = request.commandID.map { subjects.subject(of: $0) }
                let wanted: [String] = streams + tags.keys + (receipt.map { [$0] } ?? [])
                let snapshot = try await lastMessages(of: wanted)
                for subject in wanted { knowledge.ends[subject] = snapshot.messages[subject]?.sequence ?? 0 }
                knowledge.lastSequence = snapshot.last?.sequence ?? 0
                knowledge.head = try await headPosition(of: snapshot.last)
                for subject in streams { knowledge.heads[subject] = try await head(from: snapshot.messages[subject]) }
                for (subject, tag) in tags {
                    let marker = snapshot.messages[subject]
                    knowledge.tags[tag] = marker?.sequence ?? 0
                    knowledge.tagEnds[tag] =
                        try marker.map { marker throws(ReadError) in
                            try whole(marker) { message throws(RecordReader.Damage) in
                                try LogRecord.positions(ofTag: message)
                            }.last ?? 0
                        } ?? 0
                }
                if let commandID = request.commandID, let receipt, let message = snapshot.messages[receipt] {
                    knowledge.receipts[commandID] = try await self.receipt(message)
                }
            }
        } catch {
            throw attempts.error(reading: error)
        }
        for (subject, head) in knowledge.heads { heads.set(head, for: subject) }
        return knowledge
    }

    /// The first event after a condition's position that fits it.
    private func firstMatch(
        of condition: AppendCondition, knowledge: AppendKnowledge
    ) async throws(ReadError) -> Position? {
        let query = condition.failIfEventsMatch
        // Each tag's last marker names the last event of the tag: where none is behind the position, there is no match.
        if query.items.allSatisfy({ item in
            item.tags.contains { (knowledge.tagEnds[$0] ?? 0) <= condition.after.rawValue }
        }) {
            return nil
        }
        var next = max(condition.after, .start).next
        let deadline = ContinuousClock.now + configuration.readPatience
        let filter = EventFilter(query: query, includesControlEvents: true)
        while next <= knowledge.head {
            let page = try await readPage(from: .position(next), direction: .forward, filter: filter, limit: 1)
            if let event = page.events.first { return event.position <= knowledge.head ? event.position : nil }
            // What is read may come from a server that has not heard of all that the decision rests on.
            if page.isAtEnd, page.scannedThrough < knowledge.head {
                guard ContinuousClock.now < deadline else {
                    throw .storageFailed(reason: "No server has the log up to position \(knowledge.head).")
                }
                do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .cancelled }
            }
            next = page.isAtEnd && page.scannedThrough < knowledge.head ? next : page.scannedThrough.next
        }
        return nil
    }
}
#endif
