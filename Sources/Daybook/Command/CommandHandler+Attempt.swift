import DaybookCore
import Synchronization

extension CommandHandler {
    /// What commands come to on one state.
    private struct Decision {
        var events: [D.Event]
        var new: [NewEvent]
        /// The state after the events, where the decision had to make it; nil when it is still to be made.
        var state: D.State?
    }

    private enum Outcome {
        case done(CommandReceipt<D.Event>)
        /// The store was not as the basis said: read what is new, and decide again.
        case conflict
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
                    try decide(commands, on: current.state, commandID: commandID, correlationID: correlationID))
            } catch {
                decided = .failure(error)
            }
            let outcome: Result<Outcome, CommandError<D.Rejection>>
            do throws(CommandError<D.Rejection>) {
                outcome = .success(try await settle(decided, in: stream, commandID: commandID, basis: &current))
            } catch {
                outcome = .failure(error)
            }
            basis = consume current
            switch try outcome.get() {
            case .done(let receipt): return receipt
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
            throw error
        case .success(let decision):
            if decision.events.isEmpty, commandID == nil {
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
            basis.advance(to: result)
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
        _ commands: Commands, on state: D.State, commandID: CommandID?, correlationID: String
    ) throws(CommandError<D.Rejection>) -> Decision {
        var decision = Decision(events: [], new: [], state: nil)
        if commands.isBatch {
            var evolving = state
            var metadata: (context: CommandContext, bytes: [UInt8])?
            for (index, element) in commands.elements.enumerated() {
                let events: [D.Event]
                do throws(D.Rejection) {
                    events = try D.decide(element.command, in: evolving)
                } catch {
                    throw .rejectedInBatch(error, index: index)
                }
                if events.isEmpty { continue }
                if metadata?.context != element.context {
                    let new = element.context.metadata(commandID: commandID, correlationID: correlationID)
                    metadata = (element.context, new.encoded())
                }
                for event in events {
                    try encode(event, metadata: metadata?.bytes ?? [], into: &decision)
                    D.evolve(&evolving, with: event)
                }
            }
            decision.state = evolving
        } else {
            for element in commands.elements {
                let events: [D.Event]
                do throws(D.Rejection) {
                    events = try D.decide(element.command, in: state)
                } catch {
                    throw .rejected(error)
                }
                if events.isEmpty { continue }
                let metadata = element.context.metadata(commandID: commandID, correlationID: correlationID).encoded()
                for event in events { try encode(event, metadata: metadata, into: &decision) }
            }
        }
        return decision
    }

    private func encode(
        _ event: D.Event, metadata: [UInt8], into decision: inout Decision
    ) throws(CommandError<D.Rejection>) {
        let encoded: EncodedEvent
        do { encoded = try codec.encode(event) } catch { throw .unencodable(error) }
        decision.events.append(event)
        decision.new.append(
            NewEvent(
                type: encoded.type, schemaVersion: encoded.schemaVersion, contentType: encoded.contentType,
                data: encoded.data, metadata: metadata, tags: event.tags))
    }

    private func wait(after attempts: Int) async throws(CommandError<D.Rejection>) {
        let delay = randomness.withLock { retry.delay(after: attempts, using: &$0) }
        do { try await clock.sleep(for: delay) } catch { throw .cancelled(mayBeRecorded: false) }
    }
}
