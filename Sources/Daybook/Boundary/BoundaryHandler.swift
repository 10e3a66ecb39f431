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

    /// What spreads the waits between attempts.
    private final class Randomness: Sendable {
        let generator: Mutex<any RandomNumberGenerator & Sendable>

        init(_ generator: any RandomNumberGenerator & Sendable) { self.generator = Mutex(generator) }
    }

    /// A state, and the position up to which nothing inside the boundary is missing in it.
    private struct Basis {
        var state: D.State
        var position: Position
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
        let query = D.boundary(of: command)
        let correlationID = commandID?.rawValue ?? EventID().description
        let metadata = CommandContext.current.metadata(commandID: commandID, correlationID: correlationID).encoded()
        var basis = Basis(state: D.initialState(for: command), position: .start)
        var attempts = 0
        if let commandID, let receipt = try await receipt(for: commandID) { return receipt }
        while true {
            try await extend(&basis, by: query)
            let decided: [PlacedEvent]
            do throws(D.Rejection) {
                decided = try D.decide(command, in: basis.state)
            } catch {
                // Another call with this identifier may have changed the state on which this one is refused.
                if let commandID, let receipt = try await receipt(for: commandID) { return receipt }
                throw .rejected(error)
            }
            var request = try request(for: decided, inside: query, metadata: metadata)
            request.commandID = commandID
            request.condition = AppendCondition(failIfEventsMatch: query, after: basis.position)
            if decided.isEmpty, commandID == nil {
                return BoundaryReceipt(nothingAt: basis.position)
            }
            do {
                return BoundaryReceipt(try await store.append(request))
            } catch {
                switch error {
                case .conditionFailed: attempts += 1
                case .commandReused:
                    // Another call was faster with the same command, and decided on another state.
                    guard let commandID, let receipt = try await receipt(for: commandID) else { throw .append(error) }
                    return receipt
                default: throw BoundaryError(error)
                }
            }
            guard attempts < retry.attempts else { throw .conflict(attempts: attempts) }
            let delay = randomness.generator.withLock { retry.delay(after: attempts, using: &$0) }
            do { try await clock.sleep(for: delay) } catch { throw .cancelled(mayBeRecorded: false) }
        }
    }

    private func receipt(
        for commandID: CommandID
    ) async throws(BoundaryError<D.Rejection>) -> BoundaryReceipt? {
        do {
            guard var result = try await store.receipt(for: commandID) else { return nil }
            result.isRepeat = true
            return BoundaryReceipt(result)
        } catch {
            throw BoundaryError(error)
        }
    }

    /// Folds what was added inside the boundary.
    private func extend(_ basis: inout Basis, by query: EventQuery) async throws(BoundaryError<D.Rejection>) {
        while true {
            guard !Task.isCancelled else { throw .cancelled(mayBeRecorded: false) }
            let page: LogPage
            do {
                page = try await store.readPage(
                    from: .after(basis.position), direction: .forward, filter: EventFilter(query: query),
                    limit: Limits.eventsPerPage)
            } catch {
                throw BoundaryError(error)
            }
            for recorded in page.events {
                do {
                    for event in try reader.decode(recorded) {
                        D.evolve(&basis.state, with: event, of: recorded.stream)
                    }
                } catch {
                    throw .undecodable(error)
                }
            }
            basis.position = max(basis.position, page.scannedThrough)
            if page.isAtEnd { return }
        }
    }

    private func request(
        for decided: [PlacedEvent], inside query: EventQuery, metadata: [UInt8]
    ) throws(BoundaryError<D.Rejection>) -> AppendRequest {
        var order: [StreamName] = []
        var events: [StreamName: [NewEvent]] = [:]
        for placed in decided {
            let encoded: EncodedEvent
            do { encoded = try placed.encode() } catch { throw .unencodable(error) }
            let tags = placed.tags
            guard query.matches(type: encoded.type, tags: tags) else {
                throw .outsideBoundary(type: encoded.type, stream: placed.stream, tags: tags)
            }
            if events[placed.stream] == nil { order.append(placed.stream) }
            events[placed.stream, default: []].append(
                NewEvent(encoded, metadata: metadata, tags: tags))
        }
        var request = AppendRequest()
        for stream in order { request.append(events[stream] ?? [], to: stream, expecting: .any) }
        return request
    }
}
