import DaybookCore
import Synchronization

/// Carries out commands that concern several subjects: reads what lies inside a command's boundary, decides, and appends
/// on the condition that nothing was added there meanwhile; else reads what is new, and decides again.
///
/// ```swift
/// let enrolments = BoundaryHandler(Enrolment.self, in: store)
/// try await enrolments.handle(.enrol("ada", in: "algebra"), commandID: "enrol-17")
/// ```
///
/// **Repeats.** A command with an identifier takes effect once, for good; a repeat gets the first result.
///
/// **Cost.** A command reads every event inside its boundary, found by the store's index of tags: keep boundaries small.
/// The events of deleted streams are still inside.
public struct BoundaryHandler<D: BoundaryDecider>: Sendable {
    private let store: any EventStore
    private let reader: any EventReader<D.Event>
    private let retry: RetryPolicy
    private let clock: any Clock<Duration>
    private let randomness: Randomness
    private var records: Records?

    /// What spreads the waits between attempts.
    private final class Randomness: Sendable {
        let generator: Mutex<any RandomNumberGenerator & Sendable>

        init(_ generator: any RandomNumberGenerator & Sendable) { self.generator = Mutex(generator) }
    }

    /// Which commands are recorded, and where.
    private struct Records {
        var recording: CommandRecording<D.Command>
        var stream: StreamName
    }

    /// - Parameters:
    ///   - retry: How often to decide anew when events were added inside the boundary.
    ///   - clock: Measures the waits between attempts.
    ///   - randomness: Spreads the waits between attempts.
    public init(
        _ decider: D.Type, in store: any EventStore, reader: any EventReader<D.Event> = D.Event.makeReader(),
        retry: RetryPolicy = .default, clock: any Clock<Duration> = ContinuousClock(),
        randomness: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()
    ) {
        self.store = store
        self.reader = reader
        self.retry = retry
        self.clock = clock
        self.randomness = Randomness(randomness)
    }

    /// A handler that records the commands themselves as well, as ``CommandRecord``s, for ``BoundaryDecisionReplay``.
    ///
    /// ```swift
    /// let enrolments = BoundaryHandler(Enrolment.self, in: store).recording(.all, in: "enrolment_commands")
    /// ```
    ///
    /// A command that is carried out is recorded in the same append as its events, before them, and takes one event and
    /// one stream of what an append may have; a rejection by an append of its own, which is made only if nothing was added
    /// inside the boundary meanwhile. A command or rejection that cannot be recorded ends with the reason.
    ///
    /// - Parameter stream: Where the records go. It must be no other handler's, and no stream of events.
    public func recording(_ recording: CommandRecording<D.Command>, in stream: StreamName) -> BoundaryHandler {
        var handler = self
        handler.records = Records(recording: recording, stream: stream)
        return handler
    }

    /// Carries out a command.
    ///
    /// - Parameter commandID: Makes the command take effect once, however often it is repeated. Give every command its
    ///   own: a different command with the same identifier gets the first one's receipt.
    /// - Returns: Where its events are; the log's head at the decision when there are none.
    /// - Throws: ``BoundaryError``.
    @discardableResult
    public func handle(
        _ command: D.Command, commandID: CommandID? = nil
    ) async throws(BoundaryError<D.Rejection>) -> BoundaryReceipt {
        var fold = BoundaryFold<D>(for: command)
        let correlationID = commandID?.rawValue ?? EventID().description
        let metadata = CommandContext.current.metadata(commandID: commandID, correlationID: correlationID).encoded()
        var attempts = 0
        if let commandID, let receipt = try await receipt(for: commandID) { return receipt }
        while true {
            try await extend(&fold)
            if let receipt = try await attempt(command, on: fold, commandID: commandID, metadata) { return receipt }
            attempts += 1
            guard attempts < retry.attempts else {
                // What was added may have been by another call with this identifier.
                if let commandID, let receipt = try await receipt(for: commandID) { return receipt }
                throw .conflict(attempts: attempts)
            }
            let delay = randomness.generator.withLock { retry.delay(after: attempts, using: &$0) }
            do { try await clock.sleep(for: delay) } catch { throw .cancelled(mayBeRecorded: false) }
        }
    }

    /// Decides a command, and records what comes of it.
    ///
    /// - Returns: Nil when events were added inside the boundary meanwhile.
    private func attempt(
        _ command: D.Command, on fold: BoundaryFold<D>, commandID: CommandID?, _ metadata: [UInt8]
    ) async throws(BoundaryError<D.Rejection>) -> BoundaryReceipt? {
        let decided: [PlacedEvent]
        do throws(D.Rejection) {
            decided = try D.decide(command, in: fold.state)
        } catch {
            // Another call with this identifier may have changed the state on which this one is refused.
            if let commandID, let receipt = try await receipt(for: commandID) { return receipt }
            guard try await record(error, of: command, on: fold, metadata) else { return nil }
            throw .rejected(error)
        }
        var request = AppendRequest()
        let record = try self.record(of: command, on: fold, .success(decided.count), metadata)
        if let record, let records { request.append([record], to: records.stream, expecting: .any) }
        try add(decided, inside: fold.query, metadata: metadata, to: &request)
        if request.writes.isEmpty, commandID == nil { return BoundaryReceipt(nothingAt: fold.position) }
        request.commandID = commandID
        request.condition = fold.condition
        let result: AppendResult
        do {
            result = try await store.append(request)
        } catch {
            switch error {
            case .conditionFailed: return nil
            case .commandReused:
                // Another call was faster with the same command, and decided on another state.
                guard let commandID, let receipt = try await receipt(for: commandID) else { throw .append(error) }
                return receipt
            default: throw BoundaryError(error)
            }
        }
        if result.isRepeat { return try await receipt(of: result) }
        return BoundaryReceipt(result, without: record == nil ? nil : records?.stream)
    }

    private func receipt(
        for commandID: CommandID
    ) async throws(BoundaryError<D.Rejection>) -> BoundaryReceipt? {
        let result: AppendResult?
        do { result = try await store.receipt(for: commandID) } catch { throw BoundaryError(error) }
        guard var result else { return nil }
        result.isRepeat = true
        return try await receipt(of: result)
    }

    /// The receipt of a command that was carried out before, by a handler that may have recorded it elsewhere or not at all:
    /// the log tells, whose first event of the append is the record.
    private func receipt(of result: AppendResult) async throws(BoundaryError<D.Rejection>) -> BoundaryReceipt {
        guard result.eventCount > 0 else { return BoundaryReceipt(result, without: nil) }
        let first: RecordedEvent?
        do {
            let position = Position(result.position.rawValue - Int64(result.eventCount) + 1)
            first = try await store.readPage(from: .position(position), direction: .forward, filter: .all, limit: 1)
                .events.first
        } catch {
            throw BoundaryError(recorded: error)
        }
        let isRecorded = first?.type == "command.carriedOut" && first?.stream == result.streams.first?.stream
        return BoundaryReceipt(result, without: isRecorded ? first?.stream : nil)
    }

    private func extend(_ fold: inout BoundaryFold<D>) async throws(BoundaryError<D.Rejection>) {
        do {
            try await fold.extend(in: store, reader: reader)
        } catch {
            switch error {
            case .read(let error): throw BoundaryError(error)
            case .undecodable(let error): throw .undecodable(error)
            }
        }
    }

    /// The record of a command, when there is to be one.
    private func record(
        of command: D.Command, on fold: BoundaryFold<D>,
        _ outcome: Result<Int, CommandRecording<D.Command>.Reason>, _ metadata: [UInt8]
    ) throws(BoundaryError<D.Rejection>) -> NewEvent? {
        guard let records, let encode = records.recording.encode else { return nil }
        let encoded: EncodedEvent
        do { encoded = try encode(command, fold.position.rawValue, outcome) } catch { throw .unencodable(error) }
        guard !fold.query.matches(type: encoded.type, tags: []) else {
            throw .recordInsideBoundary(type: encoded.type, stream: records.stream)
        }
        return NewEvent(encoded, metadata: metadata)
    }

    /// Records a rejection, when it is to be.
    ///
    /// - Returns: False when events were added inside the boundary meanwhile, so that the command is to be decided anew.
    private func record(
        _ rejection: D.Rejection, of command: D.Command, on fold: BoundaryFold<D>, _ metadata: [UInt8]
    ) async throws(BoundaryError<D.Rejection>) -> Bool {
        guard let records, records.recording.includesRejected else { return true }
        let reason = CommandRecording<D.Command>.Reason(text: String(describing: rejection))
        guard let record = try record(of: command, on: fold, .failure(reason), metadata) else { return true }
        var request = AppendRequest()
        request.append([record], to: records.stream, expecting: .any)
        request.condition = fold.condition
        do {
            _ = try await store.append(request)
            return true
        } catch {
            if case .conditionFailed = error { return false }
            throw BoundaryError(error.withoutEffect)
        }
    }

    private func add(
        _ decided: [PlacedEvent], inside query: EventQuery, metadata: [UInt8], to request: inout AppendRequest
    ) throws(BoundaryError<D.Rejection>) {
        for (stream, events) in PlacedEvent.byStream(decided) {
            var new: [NewEvent] = []
            for placed in events {
                let encoded: EncodedEvent
                do { encoded = try placed.encoded() } catch { throw .unencodable(error) }
                guard query.matches(type: encoded.type, tags: placed.tags) else {
                    throw .outsideBoundary(type: encoded.type, stream: stream, tags: placed.tags)
                }
                new.append(NewEvent(encoded, metadata: metadata, tags: placed.tags))
            }
            request.append(new, to: stream, expecting: .any)
        }
    }
}
