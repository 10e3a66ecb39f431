import DaybookCore

/// Commands on one subject while they are carried out: what is known, what was decided, and what became of it.
///
/// This and all that a command on a cached state meets is `@inlinable`: a program's compiler then makes code for its own decider's
/// types of it. Code for any decider learns what its types are like at run time, again in each function and after each
/// suspension, which took longer than everything else that a command does.
@usableFromInline
struct CommandAttempt<D: Decider> {
    @usableFromInline typealias Basis = CommandHandler<D>.Basis
    @usableFromInline typealias Failure = CommandError<D.Rejection>

    /// What is to be decided at once.
    @usableFromInline
    enum Commands {
        case one(D.Command, CommandContext)
        case batch([(command: D.Command, context: CommandContext)])
    }

    /// What follows from a decision.
    @usableFromInline
    enum Step {
        /// It takes effect by this.
        case append(AppendRequest)
        /// It has nothing to record.
        case nothing
        /// There is none: the domain said no, or an event cannot be written.
        case refused
        /// Nothing will be appended that would show whether the state is as old as it may be: read what is new first.
        case unverified
    }

    @usableFromInline let stream: StreamName
    @usableFromInline let commandID: CommandID?
    /// Those of the subject, which all of its events have.
    @usableFromInline let subjectTags: [Tag]
    @usableFromInline let commands: Commands
    /// The state to decide on; nil when it is to be read first.
    @usableFromInline var basis: Basis?
    /// What to expect of the control stream, so that the state is not one that was deleted since.
    @usableFromInline var control = ExpectedVersion.noStream
    /// What became of the commands; nil while they are carried out.
    @usableFromInline var result: Result<CommandReceipt<D.Event>, Failure>?
    /// Why the commands were refused.
    @usableFromInline var refusal: Failure?
    @usableFromInline var events: [D.Event] = []
    /// The state after the events, where the decision had to make it; nil when it is still to be made.
    @usableFromInline var stateAfter: D.State?
    /// The identifier of the last event that was decided; nil when there is none.
    @usableFromInline var lastEventID: EventID?
    /// What the events belong to, unless their contexts say.
    @usableFromInline var correlationID: String?

    /// - Parameter kept: What an attempt before this one left.
    @inlinable
    init(
        _ commands: Commands, on stream: StreamName, tags: [Tag], commandID: CommandID?,
        kept: consuming (any StreamTurns.Kept)?
    ) {
        self.commands = commands
        self.stream = stream
        subjectTags = tags
        self.commandID = commandID
        basis = kept.map { KeptBasis.from($0).basis }
        basis?.isVerified = false
        control = basis?.control ?? .noStream
        if basis?.isCacheable == false { basis = nil }
    }

    // MARK: - What the asynchronous functions ask

    @inlinable var hasBasis: Bool { basis != nil }
    @inlinable var isVerified: Bool { basis?.isVerified ?? false }

    /// What became of the commands.
    @inlinable
    func finished() throws(Failure) -> CommandReceipt<D.Event> {
        // Every way out of an attempt says what became of it; one that did not would not know whether anything was recorded.
        guard let result else { throw .cancelled(mayBeRecorded: true) }
        return try result.get()
    }

    /// The basis for the next commands, if it may be kept.
    @inlinable
    mutating func basisToKeep(_ prepare: (inout Basis) -> Void) -> (any StreamTurns.Kept)? {
        guard var basis = basis.take() else { return nil }
        basis.control = control
        if basis.isCacheable, basis.version != nil {
            prepare(&basis)
        } else {
            guard control != .noStream else { return nil }
            // The state does not stay true, but the next command need not find out again where the control stream ends.
            basis.isCacheable = false
            basis.state = D.initialState
        }
        return KeptBasis<D>(basis)
    }

    @inlinable mutating func end(_ failure: Failure) { result = .failure(failure) }
    @inlinable mutating func end(_ receipt: CommandReceipt<D.Event>) { result = .success(receipt) }

    /// Ends as refused.
    @inlinable mutating func endRefused() { result = refusal.map { .failure($0) } }

    /// Ends without a record of its own: the state is the receipt.
    @inlinable
    mutating func endWithoutEffect() {
        result = .success(
            CommandReceipt(
                stream: stream, version: basis?.version, position: basis?.position ?? .start, events: []))
    }

    // MARK: - Deciding

    /// Decides the commands on the basis, and says what follows.
    @inlinable
    mutating func decide(codec: any EventCodec<D.Event>, recording: CommandRecording<D.Command>) -> Step {
        guard let basis else { return .unverified }
        events = []
        stateAfter = nil
        refusal = nil
        var new: [NewEvent] = []
        var records: [NewEvent] = []
        do throws(Failure) {
            switch commands {
            case .one(let command, let context):
                do throws(D.Rejection) {
                    events = try D.decide(command, in: basis.state)
                } catch {
                    throw .rejected(error)
                }
                guard !events.isEmpty || recording.encode != nil else { break }
                let metadata = metadata(in: context)
                if let encode = recording.encode {
                    records.append(try record(command, encode, .success(events.count), basis.version, metadata))
                }
                new.reserveCapacity(events.count)
                for event in events { new.append(try encode(event, codec, metadata)) }
            case .batch(let commands):
                stateAfter = try decide(commands, on: basis, codec: codec, recording: recording, &new, &records)
            }
        } catch {
            // A rejection is not checked by an append, so the state it rests on must have been read for it.
            refusal = error
            return basis.isVerified ? .refused : .unverified
        }
        lastEventID = new.last?.id
        if new.isEmpty, records.isEmpty, commandID == nil { return basis.isVerified ? .nothing : .unverified }
        var request = AppendRequest(commandID: commandID)
        // Before the events, so that the append's position is that of the last of them.
        if !records.isEmpty { request.append(records, to: stream.commands) }
        if new.isEmpty {
            request.check(stream, at: basis.expected)
        } else {
            request.append(new, to: stream, expecting: basis.expected)
        }
        if basis.expected != .noStream {
            // A deleted stream still answers to its last version, but the state is no longer true of it.
            request.check(stream.control, at: control)
        }
        return .append(request)
    }

    /// Decides several commands, each on the state that those before it leave.
    ///
    /// - Returns: The state after all of them.
    @inlinable
    mutating func decide(
        _ commands: [(command: D.Command, context: CommandContext)], on basis: Basis, codec: any EventCodec<D.Event>,
        recording: CommandRecording<D.Command>, _ new: inout [NewEvent], _ records: inout [NewEvent]
    ) throws(Failure) -> D.State {
        var state = basis.state
        var last: (context: CommandContext, metadata: [UInt8])?
        for (index, element) in commands.enumerated() {
            let decided: [D.Event]
            do throws(D.Rejection) {
                decided = try D.decide(element.command, in: state)
            } catch {
                throw .rejectedInBatch(error, index: index)
            }
            if decided.isEmpty, recording.encode == nil { continue }
            if last?.context != element.context { last = (element.context, metadata(in: element.context)) }
            let metadata = last?.metadata ?? []
            if let encode = recording.encode {
                let version = basis.version.advanced(by: events.count)
                records.append(try record(element.command, encode, .success(decided.count), version, metadata))
            }
            for event in decided {
                new.append(try encode(event, codec, metadata))
                events.append(event)
                D.evolve(&state, with: event)
            }
        }
        return state
    }

    @inlinable
    mutating func metadata(in context: CommandContext) -> [UInt8] {
        let correlationID = correlationID ?? commandID?.rawValue ?? EventID().description
        self.correlationID = correlationID
        return context.metadata(commandID: commandID, correlationID: correlationID).encoded()
    }

    @inlinable
    func record(
        _ command: D.Command, _ encode: CommandRecording<D.Command>.Encode,
        _ outcome: Result<Int, CommandRecording<D.Command>.Reason>, _ version: StreamVersion?, _ metadata: [UInt8]
    ) throws(Failure) -> NewEvent {
        do {
            return NewEvent(try encode(command, version?.rawValue, outcome), metadata: metadata)
        } catch {
            throw .unencodable(error)
        }
    }

    @inlinable
    func encode(
        _ event: D.Event, _ codec: any EventCodec<D.Event>, _ metadata: [UInt8]
    ) throws(Failure) -> NewEvent {
        let encoded: EncodedEvent
        do { encoded = try codec.encode(event) } catch { throw .unencodable(error) }
        let tags = subjectTags.isEmpty ? event.tags : event.tags + subjectTags
        return NewEvent(encoded, metadata: metadata, tags: tags)
    }

    /// What records the refusal, where rejections are recorded; nil where not. Ends the attempt when it cannot be written.
    mutating func requestToRecordRefusal(_ recording: CommandRecording<D.Command>) -> AppendRequest? {
        guard recording.includesRejected, let encode = recording.encode, let basis,
            case .rejected(let rejection) = refusal, case .one(let command, let context) = commands
        else { return nil }
        let reason = CommandRecording<D.Command>.Reason(text: String(describing: rejection))
        var request = AppendRequest()
        do throws(Failure) {
            let record = try record(command, encode, .failure(reason), basis.version, metadata(in: context))
            request.append([record], to: stream.commands)
        } catch {
            end(error)
            return nil
        }
        request.check(stream, at: basis.expected)
        return request
    }

    // MARK: - Taking effect

    /// Expects the control stream where it ends. The state is to be read after that was known.
    ///
    /// - Returns: Whether nothing was known of a control stream: then nobody need have changed it just now.
    @inlinable
    mutating func expectControl(at version: StreamVersion) -> Bool {
        let isNew = control == .noStream
        control = .version(version)
        basis = nil
        return isNew
    }

    /// Ends with what was appended: the basis becomes the state after it.
    ///
    /// - Parameter isDue: Whether a snapshot is due after an event.
    @inlinable
    mutating func complete(_ appended: AppendResult, snapshotIsDue isDue: (@Sendable (D.Event) -> Bool)?) {
        // Out of the property, so that nothing else refers to the state, and it is changed in place.
        guard var basis = basis.take() else { return }
        if !events.isEmpty {
            if let stateAfter = stateAfter.take() {
                basis.state = stateAfter
            } else {
                for event in events { D.evolve(&basis.state, with: event) }
            }
            basis.advance(to: appended, of: stream)
            basis.eventID = lastEventID
            basis.eventsSinceSnapshot += events.count
            if let isDue, events.contains(where: isDue) { basis.isSnapshotDue = true }
        }
        result = .success(
            CommandReceipt(
                stream: stream, version: basis.version, position: appended.position, events: events,
                recordedAt: appended.recordedAt))
        self.basis = basis
    }
}
