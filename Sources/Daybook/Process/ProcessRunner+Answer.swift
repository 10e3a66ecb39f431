import DaybookCore

extension ProcessRunner {
    /// Sends what the processes want to be sent, and records what is rejected.
    func sendCommands() async throws(ProcessError) {
        while !Task.isCancelled {
            do {
                try await commands.run(as: member) { delivery in
                    for case .sent(let command) in delivery.events {
                        // What was rejected is not decided on again: the process has gone on from there.
                        if delivery.isRepeated, try await self.isRejected(delivery.recorded) { continue }
                        try await self.send(command, delivery.recorded)
                    }
                }
            } catch .refused(.leaseLost) {
                // The machine was too busy, or asleep, to renew it in time. What was in hand is sent again under the
                // same identifiers, so that nothing is lost by going on.
            } catch {
                throw ProcessError(error)
            }
        }
        throw .cancelled
    }

    private func isRejected(_ recorded: RecordedEvent) async throws(ProcessError) -> Bool {
        try await fresh(recorded.stream).rejected.contains(recorded.version.rawValue)
    }

    private func send(_ command: P.Command, _ recorded: RecordedEvent) async throws {
        do {
            // The consumer group's context names the group as the actor.
            try await CommandContext.with(actor: P.category.rawValue) {
                try await send(command, CommandID(unchecked: recorded.id.description))
            }
        } catch {
            guard let reason = (error as? any CommandRejection)?.rejectionReason else { throw error }
            try await answer(recorded.stream, to: "the rejection of its command") { instance in
                guard !instance.rejected.contains(recorded.version.rawValue) else { return nil }
                return Answer(
                    record: .rejected(version: recorded.version.rawValue, reason: reason),
                    actions: try P.react(toRejectionOf: command, reason: reason, in: instance.state),
                    moment: recorded.recordedAt,
                    metadata: Self.metadata(following: recorded.id, with: recorded.metadata))
            }
        }
    }

    /// Lets deadlines pass.
    func watchDeadlines() async throws(ProcessError) {
        var gone: Set<String> = []
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let reached: Position
            let next: (key: String, document: ProcessTimer)?
            do {
                reached = try await timers.catchUp()
            } catch {
                throw ProcessError(error)
            }
            do {
                // A process whose events are hidden or deleted has none of its deadlines any more.
                let first = try await timers.readModel.documents(limit: gone.count + 1)
                gone.formIntersection(first.map(\.key))
                next = first.first { !gone.contains($0.key) }
            } catch {
                guard error != .cancelled else { throw .cancelled }
                throw .timers(.store(.storageFailed(reason: error.description)))
            }
            let now = time.now
            var wait = Duration.seconds(3600)
            if let next, let due = Timestamp(next.document.at) {
                if due <= now {
                    guard try await !pass(next.document, due: due) else { continue }
                    if try await !forget(next.key, of: next.document.stream, at: reached) { gone.insert(next.key) }
                    continue
                }
                wait = .microseconds(due.microseconds - now.microseconds)
            }
            // The time may be another than the one that is slept by, so that it is looked at now and then.
            try await sleep(next == nil ? wait : min(wait, pollInterval), orUntilBeyond: reached, on: clock)
        }
    }

    /// - Returns: Whether the deadline was still open.
    private func pass(_ timer: ProcessTimer, due: Timestamp) async throws(ProcessError) -> Bool {
        // What was recorded before the time had come is reacted to first.
        let head: Position
        do { head = try await log.head() } catch { throw ProcessError(error) }
        // Why the reactions have stopped, if they have, is told by them.
        do { try await progress.wait(for: head) } catch { throw .cancelled }
        return try await answer(timer.stream, to: "deadline '\(timer.name)'") { instance in
            guard let deadline = instance.deadlines[timer.name], deadline.at == timer.at else { return nil }
            return Answer(
                record: .deadlinePassed(name: timer.name, at: timer.at),
                actions: try P.react(toDeadline: timer.name, in: instance.state), moment: due,
                metadata: Self.metadata(following: deadline.event, with: deadline.metadata[...]))
        }
    }

    /// Removes a deadline of a process that was deleted, so that it is not looked at for ever.
    ///
    /// - Parameter position: How far the list of deadlines has come.
    /// - Returns: False when the process is there.
    private func forget(
        _ key: String, of stream: StreamName, at position: Position
    ) async throws(ProcessError) -> Bool {
        let status: StreamState.Status
        do { status = try await log.state(of: stream).status } catch { throw ProcessError(error) }
        guard status == .deleted || status == .tombstoned else { return false }
        let batch = DocumentBatch(
            model: timers.projection.name, changes: [key: nil], previous: position, checkpoint: position)
        do { try await timers.models.commit(batch) } catch { throw ProcessError(ProjectionError(error)) }
        return true
    }

    /// What came to a process that is no input, and what follows.
    private struct Answer {
        var record: ProcessRecord<P.Command>
        var actions: [ProcessAction<P.Event, P.Command>]
        /// Deadlines are reckoned from it.
        var moment: Timestamp
        var metadata: [UInt8]
    }

    /// Records that something else than an input came to a process, and what follows; nothing when it came before.
    ///
    /// - Returns: Whether it was recorded now.
    @discardableResult
    private func answer(
        _ stream: StreamName, to cause: String, _ react: (ProcessInstance<P>) throws -> Answer?
    ) async throws(ProcessError) -> Bool {
        var control = cache.value(for: stream)?.control ?? .noStream
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            var instance = try await fresh(stream)
            instance.control = control
            let answer: Answer?
            do { answer = try react(instance) } catch {
                throw .reactionFailed(process: stream, to: cause, reason: String(describing: error))
            }
            guard let answer else { return false }
            do {
                try instance.add(answer.record, metadata: answer.metadata, codecs)
                try instance.add(answer.actions, at: answer.moment, metadata: answer.metadata, codecs)
            } catch {
                throw .unencodable(error)
            }
            var request = AppendRequest()
            instance.addPending(to: &request)
            do {
                instance.settle(try await log.append(request))
                cache.put(instance, for: stream)
                return true
            } catch {
                guard case .wrongExpectedVersion(let changed, _, let actual) = error else { throw ProcessError(error) }
                // Where the control stream ends is known before the process is read again.
                if changed == stream.control, let actual { control = .version(actual) }
            }
        }
    }

    private func sleep<C: Clock<Duration>>(
        _ wait: Duration, orUntilBeyond position: Position, on clock: C
    ) async throws(ProcessError) {
        do {
            try await log.waitForHead(beyond: position, until: clock.now.advanced(by: wait), on: clock)
        } catch {
            throw ProcessError(error)
        }
    }
}
