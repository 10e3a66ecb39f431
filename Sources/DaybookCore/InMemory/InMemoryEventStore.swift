import Synchronization

/// A store that keeps everything in memory and forgets it with the process: for tests, and to show by example what the
/// contract means. Every operation is as plain as it can be.
///
/// - Complexity: an append costs O(its events); a read of the log O(events looked at); a condition O(events after its
///   position).
public final class InMemoryEventStore: EventStore {
    let state: Mutex<State>
    let time: TimeSource

    /// - Parameter time: Where recorded times come from; a test may drive it.
    public init(time: TimeSource = .system) {
        self.time = time
        state = Mutex(State())
    }

    struct State: Sendable {
        /// Every event at its position, which is its index and 1.
        var log: [RecordedEvent] = []
        /// The positions of each stream's events by version.
        var streams: [StreamName: [Position]] = [:]
        var controls: [StreamName: StreamControl] = [:]
        /// Streams in the order in which they were first written, be it their events or their settings.
        var order: [StreamName] = []
        var receipts: [CommandID: Receipt] = [:]
        /// Those of the receipts, in the order in which they were recorded.
        var commands: [CommandID] = []
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
        var checkpoints: [CheckpointName: Checkpoint] = [:]
        var snapshots: [SnapshotKey: Snapshot] = [:]
        var models: [ReadModelName: ReadModel] = [:]

        subscript(position: Position) -> RecordedEvent { log[Int(position.rawValue) - 1] }

        func streamState(_ stream: StreamName) -> StreamState {
            (controls[stream] ?? StreamControl()).state(lastVersion: lastVersion(of: stream))
        }
    }

    struct Waiter: Sendable {
        var position: Position
        var resume: @Sendable (Result<Position, ReadError>) -> Void
    }

    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        do { try request.validate() } catch { throw .invalid(error) }
        let digest = request.commandID == nil ? 0 : RequestDigest(request).value
        guard !Task.isCancelled else { throw .cancelled(mayBeWritten: false) }
        let (result, woken) = state.withLock { state -> (Result<AppendResult, AppendError>, [Waiter]) in
            let result = Result { () throws(AppendError) in
                switch try request.decide(on: &state, digest: digest) {
                case .answer(let result): result
                case .remember(let result): state.remember(request, digest: digest, result)
                case .record: state.record(request, digest: digest, now: time.now)
                }
            }
            return (result, state.takeWaiters())
        }
        let head = state.withLock(\.head)
        for waiter in woken { waiter.resume(.success(head)) }
        return try result.get()
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        state.withLock { $0.streamState(stream) }
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try checkPageLimit(limit)
        return state.withLock { state in
            let start = after.flatMap { state.order.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
            let streams = state.streams
            return Array(state.order[start...].lazy.filter { streams[$0] != nil }.prefix(limit))
        }
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        state.withLock { $0.receipts[command]?.result }
    }

    public func head() async throws(ReadError) -> Position { state.withLock(\.head) }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        let key = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let result: Result<Position, ReadError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Result<Position, ReadError>? = state.withLock { state in
                    if state.head > position { return .success(state.head) }
                    if Task.isCancelled { return .failure(.cancelled) }
                    state.waiters[key] = Waiter(position: position) { continuation.resume(returning: $0) }
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: key) }?.resume(.failure(.cancelled))
        }
        return try result.get()
    }
}

extension InMemoryEventStore.State: AppendBasis {
    var head: Position { Position(Int64(log.count)) }

    func control(of stream: StreamName) -> StreamControl { controls[stream] ?? StreamControl() }

    func lastVersion(of stream: StreamName) -> StreamVersion? {
        streams[stream].map { StreamVersion(Int64($0.count) - 1) }
    }

    func lastEventID(of stream: StreamName) -> EventID? {
        streams[stream]?.last.map { self[$0].id }
    }

    func places(of stream: StreamName, from version: StreamVersion, count: Int) -> [EventPlace?] {
        (streams[stream] ?? []).dropFirst(Int(version.rawValue)).prefix(count).map { position in
            let event = self[position]
            return EventPlace(id: event.id, position: position, recordedAt: event.recordedAt)
        }
    }

    func receipt(for command: CommandID) -> Receipt? { receipts[command] }

    func firstMatch(of query: EventQuery, after position: Position) -> Position? {
        log.dropFirst(Int(max(position, .start).rawValue)).first { query.matches(type: $0.type, tags: $0.tags) }?
            .position
    }

    mutating func record(_ request: AppendRequest, digest: UInt64, now: Timestamp) -> AppendResult {
        let recordedAt = max(now, log.last?.recordedAt ?? now)
        let before = log.count
        var ends: [AppendResult.StreamEnd] = []
        for write in request.writes {
            if streams[write.stream] == nil, controls[write.stream] == nil { order.append(write.stream) }
            if case .append(let events) = write.action {
                for event in events { record(event, in: write.stream, at: recordedAt) }
            } else if let (control, event) = control(of: write.stream)
                .applying(write, lastVersion: lastVersion(of: write.stream))
            {
                controls[write.stream] = control
                record(event, in: write.stream.control, at: recordedAt)
            }
            ends.append(AppendResult.StreamEnd(stream: write.stream, version: lastVersion(of: write.stream)))
        }
        let result = AppendResult(
            streams: ends, position: head, eventCount: log.count - before, recordedAt: recordedAt)
        if let commandID = request.commandID {
            receipts[commandID] = Receipt(digest: digest, result: result)
            commands.append(commandID)
        }
        return result
    }

    /// Leaves a receipt for a command whose events were recorded without it.
    mutating func remember(_ request: AppendRequest, digest: UInt64, _ result: AppendResult) -> AppendResult {
        if let commandID = request.commandID {
            var first = result
            first.isRepeat = false
            receipts[commandID] = Receipt(digest: digest, result: first)
            commands.append(commandID)
        }
        return result
    }

    private mutating func record(_ event: NewEvent, in stream: StreamName, at time: Timestamp) {
        let position = head.next
        let version = StreamVersion(Int64(streams[stream]?.count ?? 0))
        streams[stream, default: []].append(position)
        log.append(
            RecordedEvent(
                id: event.id, type: event.type, schemaVersion: event.schemaVersion, contentType: event.contentType,
                data: event.data[...], metadata: event.metadata[...], tags: event.distinctTags, stream: stream,
                version: version,
                position: position, recordedAt: time))
    }

    mutating func takeWaiters() -> [InMemoryEventStore.Waiter] {
        let ready = waiters.filter { $0.value.position < head }
        for key in ready.keys { waiters.removeValue(forKey: key) }
        return Array(ready.values)
    }
}

extension EventStore {
    package func checkPageLimit(_ limit: Int) throws(ReadError) {
        guard (1...Limits.eventsPerPage).contains(limit) else { throw .invalidLimit(limit) }
    }
}
