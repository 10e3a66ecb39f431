import DaybookCore
import Synchronization

extension CommandHandler {
    /// What commands come to on one state.
    private struct Decision {
        var events: [D.Event]
        var new: [NewEvent]
        /// The commands themselves, when they are to be recorded.
        var records: [NewEvent] = []
        /// The state after the events, where the decision had to make it; nil when it is still to be made.
        var state: D.State?
    }

    private enum Outcome {
        case done(CommandReceipt<D.Event>)
        /// The store was not as the basis said: read what is new, and decide again.
        case conflict
        case rejected(CommandError<D.Rejection>)
    }

    /// Attempts the commands until they succeed, are rejected, or have met too many conflicts.
    func carryOut(
        _ commands: Commands, in stream: StreamName, commandID: CommandID?, basis: inout Basis?
    ) async throws(CommandError<D.Rejection>) -> CommandReceipt<D.Event> {
        let correlationID = commandID?.rawValue ?? EventID().description
        var conflicts = 0
        while true {
            guard !Task.isCancelled else { throw .cancelled(mayBeRecorded: false) }
            var current: Basis
            // Out of the variable, so that nothing else refers to the state, and it is changed in place.
            if let taken = basis.take() { current = taken } else { current = try await load(stream) }
            let decided: Result<Decision, CommandError<D.Rejection>>
            do throws(CommandError<D.Rejection>) {
                decided = .success(
                    try decide(commands, on: current, commandID: commandID, correlationID: correlationID))
            } catch {
                decided = .failure(error)
            }
            let outcome: Result<Outcome, CommandError<D.Rejection>>
            do throws(CommandError<D.Rejection>) {
                var settled = try await settle(decided, in: stream, commandID: commandID, basis: &current)
                if case .rejected(let rejection) = settled {
                    let isRecorded = try await record(
                        rejection, of: commands, in: stream, on: current, commandID: commandID, correlationID)
                    guard !isRecorded else { throw rejection }
                    settled = .conflict
                }
                outcome = .success(settled)
            } catch {
                outcome = .failure(error)
            }
            basis = consume current
            switch try outcome.get() {
            case .done(let receipt): return receipt
            case .rejected(let error): throw error
            case .conflict:
                if basis?.isVerified == true {
                    conflicts += 1
                    guard conflicts < retry.attempts else { throw .conflict(attempts: conflicts, stream: stream) }
                    try await wait(after: conflicts)
                }
                basis = try await refreshed(basis.take(), in: stream)
            }
        }
    }

    /// Makes a decision take effect, if the store is as the basis says.
    private func settle(
        _ decided: Result<Decision, CommandError<D.Rejection>>, in stream: StreamName, commandID: CommandID?,
        basis: inout Basis
    ) async throws(CommandError<D.Rejection>) -> Outcome {
        switch decided {
        case .failure(let error):
            // A rejection is not checked by an append, so the state it rests on must have been read for it.
            guard basis.isVerified else { return .conflict }
            if let commandID, let receipt = try await earlierReceipt(for: commandID, stream: stream) {
                return .done(receipt)
            }
            return .rejected(error)
        case .success(let decision):
            if decision.events.isEmpty, decision.records.isEmpty, commandID == nil {
                guard basis.isVerified else { return .conflict }
                return .done(
                    CommandReceipt(stream: stream, version: basis.version, position: basis.position, events: []))
            }
            return try await append(decision, to: stream, commandID: commandID, basis: &basis)
        }
    }

    private func append(
        _ decision: Decision, to stream: StreamName, commandID: CommandID?, basis: inout Basis
    ) async throws(CommandError<D.Rejection>) -> Outcome {
        var request = AppendRequest(commandID: commandID)
        // Before the events, so that the append's position is that of the last of them.
        if !decision.records.isEmpty { request.append(decision.records, to: stream.commands) }
        if decision.events.isEmpty {
            request.check(stream, at: basis.expected)
        } else {
            request.append(decision.new, to: stream, expecting: basis.expected)
        }
        if !basis.isVerified {
            // A deleted stream still answers to its last version, but the cached state is no longer true of it.
            request.check(stream.control, at: .noStream)
        }
        let result: AppendResult
        do {
            result = try await store.append(request)
        } catch {
            switch error {
            case .wrongExpectedVersion: return .conflict
            case .commandReused:
                // Another handler was faster with the same command, and decided on another state.
                guard let commandID, let receipt = try await earlierReceipt(for: commandID, stream: stream) else {
                    throw .append(error)
                }
                return .done(receipt)
            default: throw CommandError(error)
            }
        }
        if result.isRepeat { return .done(try await receipt(of: result, in: stream)) }
        if !decision.events.isEmpty {
            if let state = decision.state {
                basis.state = state
            } else {
                for event in decision.events { D.evolve(&basis.state, with: event) }
            }
            basis.advance(to: result, of: stream)
            basis.eventsSinceSnapshot += decision.events.count
            if let isDue = snapshots?.policy.isDue, decision.events.contains(where: isDue) {
                basis.isSnapshotDue = true
            }
        }
        return .done(
            CommandReceipt(
                stream: stream, version: basis.version, position: result.position, events: decision.events,
                recordedAt: result.recordedAt))
    }

    private func decide(
        _ commands: Commands, on basis: borrowing Basis, commandID: CommandID?, correlationID: String
    ) throws(CommandError<D.Rejection>) -> Decision {
        var decision = Decision(events: [], new: [], state: nil)
        let version = basis.version
        if commands.isBatch {
            var evolving = basis.state
            var metadata: (context: CommandContext, bytes: [UInt8])?
            for (index, element) in commands.elements.enumerated() {
                let events: [D.Event]
                do throws(D.Rejection) {
                    events = try D.decide(element.command, in: evolving)
                } catch {
                    throw .rejectedInBatch(error, index: index)
                }
                if events.isEmpty, recording.encode == nil { continue }
                if metadata?.context != element.context {
                    let new = element.context.metadata(commandID: commandID, correlationID: correlationID)
                    metadata = (element.context, new.encoded())
                }
                let after = version.advanced(by: decision.events.count)
                try record(element.command, after: after, events.count, metadata?.bytes ?? [], into: &decision)
                for event in events {
                    try encode(event, commands.tags, metadata: metadata?.bytes ?? [], into: &decision)
                    D.evolve(&evolving, with: event)
                }
            }
            decision.state = evolving
        } else {
            for element in commands.elements {
                let events: [D.Event]
                do throws(D.Rejection) {
                    events = try D.decide(element.command, in: basis.state)
                } catch {
                    throw .rejected(error)
                }
                if events.isEmpty, recording.encode == nil { continue }
                let metadata = element.context.metadata(commandID: commandID, correlationID: correlationID).encoded()
                try record(element.command, after: version, events.count, metadata, into: &decision)
                for event in events { try encode(event, commands.tags, metadata: metadata, into: &decision) }
            }
        }
        return decision
    }

    /// Adds the record of a command that is carried out, when there is to be one.
    private func record(
        _ command: D.Command, after version: StreamVersion?, _ count: Int, _ metadata: [UInt8],
        into decision: inout Decision
    ) throws(CommandError<D.Rejection>) {
        guard let encode = recording.encode else { return }
        do {
            decision.records.append(
                NewEvent(try encode(command, version?.rawValue, .success(count)), metadata: metadata))
        } catch {
            throw .unencodable(error)
        }
    }

    /// Records a rejection, when it is to be.
    ///
    /// - Returns: False when the stream has changed since, so that the command is to be decided anew.
    private func record(
        _ error: CommandError<D.Rejection>, of commands: Commands, in stream: StreamName, on basis: borrowing Basis,
        commandID: CommandID?, _ correlationID: String
    ) async throws(CommandError<D.Rejection>) -> Bool {
        guard recording.includesRejected, let encode = recording.encode, case .rejected(let rejection) = error,
            let element = commands.elements.first
        else { return true }
        let reason = CommandRecording<D.Command>.Reason(text: String(describing: rejection))
        let encoded: EncodedEvent
        do { encoded = try encode(element.command, basis.version?.rawValue, .failure(reason)) } catch {
            throw .unencodable(error)
        }
        let metadata = element.context.metadata(commandID: commandID, correlationID: correlationID).encoded()
        var request = AppendRequest()
        request.append([NewEvent(encoded, metadata: metadata)], to: stream.commands)
        request.check(stream, at: basis.expected)
        do {
            _ = try await store.append(request)
            return true
        } catch {
            if case .wrongExpectedVersion = error { return false }
            throw CommandError(error.withoutEffect)
        }
    }

    private func encode(
        _ event: D.Event, _ subjectTags: [Tag], metadata: [UInt8], into decision: inout Decision
    ) throws(CommandError<D.Rejection>) {
        let encoded: EncodedEvent
        do { encoded = try codec.encode(event) } catch { throw .unencodable(error) }
        decision.events.append(event)
        decision.new.append(NewEvent(encoded, metadata: metadata, tags: event.tags + subjectTags))
    }

    private func wait(after attempts: Int) async throws(CommandError<D.Rejection>) {
        let delay = randomness.withLock { retry.delay(after: attempts, using: &$0) }
        do { try await clock.sleep(for: delay) } catch { throw .cancelled(mayBeRecorded: false) }
    }
}
