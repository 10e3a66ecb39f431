import DaybookCore
import Synchronization

/// Clients that use a store at the same time, and get in each other's way as often as they can.
///
/// ```swift
/// let history = try await HistoryWorkload(seed: 7, operations: 2_000).run(on: store)
/// let check = history.check()
/// #expect(check.violations.isEmpty, "\(check.violations.first!)")
/// ```
///
/// They append to few streams, to one or several at once, at every kind of expected version, right and wrong, with checks
/// and conditions; send commands, new and again, with the same body and another; repeat appends by their event identifiers;
/// set retentions, delete and tombstone; cancel appends; and read streams, the log, states, names, receipts and the head. One
/// more client follows the log by a subscription. The seed decides what each client does next, given what all have seen;
/// what meets what is up to the store and the machine, so that a seed finds the same violation again only with luck.
public struct HistoryWorkload: Sendable {
    public let seed: UInt64
    public let clients: Int
    public let operations: Int

    /// - Parameters:
    ///   - clients: Tasks that use the store at the same time, beside the one that follows it; at least 1.
    ///   - operations: How many calls they make together; the calls of the follower come on top.
    public init(seed: UInt64, clients: Int = 8, operations: Int) {
        self.seed = seed
        self.clients = max(clients, 1)
        self.operations = operations
    }

    /// Runs the clients on a store, and reads its log when all are done.
    ///
    /// - Parameters:
    ///   - store: Empty; another would hold events that nobody asked for.
    ///   - progress: Called after about every hundredth operation, with how many were made.
    public func run(
        on store: some EventStore, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws(ReadError) -> History {
        let recorder = HistoryRecorder()
        await run(on: store, recorder: recorder, progress: progress)
        return try await recorder.history(of: store)
    }

    /// Runs the clients on a store until all operations are made, whatever the recorder has recorded before.
    ///
    /// Requests that the recorder holds without an answer, such as those of a process that was killed, are sent again.
    public func run(
        on store: some EventStore, recorder: HistoryRecorder, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async {
        let board = HistoryBoard(recorder.operations)
        let life = UInt64(recorder.instant)
        await withTaskGroup { follower in
            follower.addTask {
                let store = RecordingStore(base: store, recorder: recorder, client: clients)
                do { for try await _ in store.subscribe(filter: .everything, pageSize: 50) {} } catch {}
            }
            await withTaskGroup { group in
                for client in 0..<clients {
                    group.addTask {
                        var client = HistoryClient(
                            store: RecordingStore(base: store, recorder: recorder, client: client), board: board,
                            seed: seed, life: life)
                        while let number = board.nextOperation(of: operations) {
                            await client.step()
                            if number % max(operations / 100, 1) == 0 { progress(number) }
                        }
                    }
                }
            }
            follower.cancelAll()
        }
    }
}

/// What the clients have seen of the store, shared so that they meet.
private final class HistoryBoard: Sendable {
    struct Sight {
        var head = Position.start
        var versions: [StreamName: StreamVersion] = [:]
        /// Appends that were sent, of which some will be sent again; the oldest are forgotten.
        var requests: [AppendRequest] = []
        /// Appends without a command that were acknowledged.
        var nameless: [AppendRequest] = []
        /// Such an append, each under a command of its own now; always sent unchanged.
        var named: [AppendRequest] = []
        var operations = 0
    }

    private static let remembered = 48
    private let sight: Mutex<Sight>

    init(_ operations: [HistoryOperation]) {
        var sight = Sight()
        for operation in operations {
            if case .append(let request) = operation.call, operation.answer == .unknown {
                sight.requests.append(request)
            }
            if case .head(let head) = operation.answer { sight.head = max(sight.head, head) }
        }
        sight.requests = sight.requests.suffix(Self.remembered)
        self.sight = Mutex(sight)
    }

    var now: Sight { sight.withLock { $0 } }

    func nextOperation(of total: Int) -> Int? {
        sight.withLock { sight in
            guard sight.operations < total else { return nil }
            sight.operations += 1
            return sight.operations
        }
    }

    func sees(head: Position) { sight.withLock { $0.head = max($0.head, head) } }

    func sees(_ version: StreamVersion?, of stream: StreamName) {
        guard let version else { return }
        sight.withLock { $0.versions[stream] = max($0.versions[stream] ?? version, version) }
    }

    func sends(_ request: AppendRequest, isNamed: Bool) {
        sight.withLock { sight in
            if isNamed {
                sight.named = sight.named.suffix(8) + [request]
            } else {
                sight.requests = sight.requests.suffix(Self.remembered) + [request]
            }
        }
    }

    func sees(_ result: AppendResult, of request: AppendRequest) {
        sight.withLock { sight in
            sight.head = max(sight.head, result.position)
            for end in result.streams {
                guard let version = end.version else { continue }
                sight.versions[end.stream] = max(sight.versions[end.stream] ?? version, version)
            }
            let appendsOnly = request.writes.allSatisfy { if case .append = $0.action { true } else { false } }
            if request.commandID == nil, !result.isRepeat, appendsOnly {
                sight.nameless = sight.nameless.suffix(8) + [request]
            }
        }
    }
}

/// One of the clients.
private struct HistoryClient {
    let store: RecordingStore
    let board: HistoryBoard
    private var random: SplitMix64
    /// Where the identifiers of this client in this life of the store begin.
    private let origin: UInt64
    private var lastNumber: UInt64 = 0

    init(store: RecordingStore, board: HistoryBoard, seed: UInt64, life: UInt64) {
        self.store = store
        self.board = board
        origin = life << 16 | UInt64(store.client)
        var mixer = SplitMix64(seed: seed)
        random = SplitMix64(seed: mixer.next() ^ (origin &* 0x9E37_79B9_7F4A_7C15))
    }

    private static let types: [EventType] = ["placed", "filled", "filled.partly", "cancelled"]
    private static let tags: [Tag] = ["owner:1", "owner:2", "share:7", "share:8"]

    mutating func step() async {
        let sight = board.now
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<34: await send(newRequest(sight), isNamed: false)
        case 34..<46: await sendAgain(sight)
        case 46..<50: await sendNamed(sight)
        default:
            // A read that fails is in the history, and the check's to judge.
            do { try await read(sight) } catch {}
        }
    }

    private mutating func read(_ sight: HistoryBoard.Sight) async throws(ReadError) {
        switch Int.random(in: 0..<50, using: &random) {
        case 0..<12:
            let stream = random.oneIn(6) ? stream(sight).control : stream(sight)
            let page = try await store.readPage(
                of: stream, from: streamCursor(sight, stream), direction: direction(), limit: limit())
            board.sees(page.state.lastVersion, of: stream)
        case 12..<24:
            let filter = filter(sight)
            let page = try await store.readPage(
                from: logCursor(sight), direction: direction(), filter: filter, limit: limit())
            if let last = page.events.map(\.position).max() { board.sees(head: last) }
        case 24..<32:
            let stream = stream(sight)
            board.sees(try await store.state(of: stream).lastVersion, of: stream)
        case 32..<34:
            _ = try await store.streams(after: random.oneIn(2) ? nil : stream(sight), limit: limit())
        case 34..<38:
            let commands = (sight.requests + sight.named).compactMap(\.commandID)
            _ = try await store.receipt(for: commands.isEmpty ? "none" : random.pick(commands))
        case 38..<42: try await chase(sight)
        case 42..<44 where sight.head > .start:
            board.sees(head: try await store.head(beyond: sight.head.previous))
        default: board.sees(head: try await store.head())
        }
    }

    /// Asks for the receipt of a command that is being written until it is there, and at once for the head: what one sees of
    /// an append, whoever asks next must see.
    private mutating func chase(_ sight: HistoryBoard.Sight) async throws(ReadError) {
        guard let command = sight.requests.last(where: { $0.commandID != nil })?.commandID else { return }
        for _ in 0..<8 {
            guard try await store.receipt(for: command) == nil else { break }
        }
        board.sees(head: try await store.head())
    }

    // MARK: - Appends

    private mutating func send(_ request: AppendRequest, isNamed: Bool) async {
        board.sends(request, isNamed: isNamed)
        let isCancelled = random.oneIn(30)
        let turns = Int.random(in: 0...3, using: &random)
        do throws(AppendError) {
            let result = isCancelled ? try await cancel(request, after: turns) : try await store.append(request)
            board.sees(result, of: request)
        } catch {
            // The history has it.
        }
    }

    private func cancel(_ request: AppendRequest, after turns: Int) async throws(AppendError) -> AppendResult {
        let task = Task { [store] () -> Result<AppendResult, AppendError> in
            do throws(AppendError) { return .success(try await store.append(request)) } catch { return .failure(error) }
        }
        for _ in 0..<turns { await Task.yield() }
        task.cancel()
        return try await task.value.get()
    }

    private mutating func sendAgain(_ sight: HistoryBoard.Sight) async {
        guard !sight.requests.isEmpty else { return await send(newRequest(sight), isNamed: false) }
        var request = random.oneIn(2) ? sight.requests[sight.requests.count - 1] : random.pick(sight.requests)
        switch Int.random(in: 0..<8, using: &random) {
        case 0 where request.commandID != nil: replaceEvents(of: &request) { $0.data = Array("{\"other\":true}".utf8) }
        case 1 where request.commandID != nil: replaceEvents(of: &request) { _ in }
        case 2:
            for index in request.writes.indices {
                request.writes[index].expected = expected(of: request.writes[index].stream, sight)
            }
        default: break
        }
        await send(request, isNamed: false)
    }

    private mutating func replaceEvents(of request: inout AppendRequest, _ change: (inout NewEvent) -> Void) {
        for index in request.writes.indices {
            guard case .append(var events) = request.writes[index].action else { continue }
            for number in events.indices {
                events[number].id = newID()
                change(&events[number])
            }
            request.writes[index].action = .append(events)
        }
    }

    /// Events that were recorded without a command, under a new one or under the one they have got since.
    private mutating func sendNamed(_ sight: HistoryBoard.Sight) async {
        if !sight.named.isEmpty, random.oneIn(2) { return await send(random.pick(sight.named), isNamed: true) }
        guard !sight.nameless.isEmpty else { return await send(newRequest(sight), isNamed: false) }
        var request = sight.nameless[sight.nameless.count - 1]
        request.commandID = newCommand("named")
        await send(request, isNamed: true)
    }

    private mutating func newRequest(_ sight: HistoryBoard.Sight) -> AppendRequest {
        var request = AppendRequest()
        let count = random.oneIn(20) ? 0 : random.oneIn(4) ? Int.random(in: 2...3, using: &random) : 1
        var chosen: Set<StreamName> = []
        while chosen.count < count {
            let stream = stream(sight)
            guard chosen.insert(stream).inserted else { continue }
            request.writes.append(writing(stream, sight))
        }
        if random.oneIn(6) {
            let stream = stream(sight)
            if !chosen.contains(stream) { request.check(stream, at: expected(of: stream, sight)) }
        }
        if random.oneIn(5) {
            let behind: Int64 = random.oneIn(40) ? -1 : random.pick([0, 0, 0, 1, 3])
            request.condition = AppendCondition(
                failIfEventsMatch: query(), after: Position(max(0, sight.head.rawValue - behind)))
        }
        if count == 0 || random.oneIn(3) { request.commandID = newCommand("command") }
        return request
    }

    private mutating func writing(_ stream: StreamName, _ sight: HistoryBoard.Sight) -> StreamWrite {
        let action: StreamWrite.Action
        switch Int.random(in: 0..<60, using: &random) {
        case 0: action = .tombstone
        case 1, 2: action = .delete
        case 3..<6:
            let last = sight.versions[stream]?.rawValue ?? 0
            action = .setRetention(
                Retention(
                    maxCount: random.oneIn(2) ? .random(in: 1...6, using: &random) : nil,
                    truncateBefore: random.oneIn(2) ? StreamVersion(.random(in: 0...last + 1, using: &random)) : nil))
        default: action = .append((0..<random.pick([1, 1, 1, 2, 5])).map { _ in event() })
        }
        var write = StreamWrite(stream: stream, expected: expected(of: stream, sight), action: action)
        if case .append = action { return write }
        write.metadata = Array("{\"change\":\"\(newID())\"}".utf8)
        return write
    }

    private mutating func event() -> NewEvent {
        let id = newID()
        return NewEvent(
            id: id, type: random.pick(Self.types), data: Array("{\"number\":\(lastNumber)}".utf8),
            metadata: random.oneIn(4) ? Array("{\"by\":\(store.client)}".utf8) : [],
            tags: random.oneIn(3) ? random.subset(of: Self.tags) : [])
    }

    private mutating func newID() -> EventID {
        lastNumber += 1
        return EventID(high: origin, low: lastNumber)
    }

    private mutating func newCommand(_ kind: String) -> CommandID {
        lastNumber += 1
        return CommandID(unchecked: "\(kind)-\(origin)-\(lastNumber)")
    }

    private mutating func expected(of stream: StreamName, _ sight: HistoryBoard.Sight) -> ExpectedVersion {
        let last = sight.versions[stream]
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8: return .any
        case 8: return .streamExists
        case 9: return .noStream
        case 10: return .version(StreamVersion((last?.rawValue ?? 0) + .random(in: -2...1, using: &random)))
        default: return last.map { .version($0) } ?? .noStream
        }
    }

    // MARK: - What is asked about

    /// One of six streams; others take their place as time goes on, since some are tombstoned and all get long.
    private mutating func stream(_ sight: HistoryBoard.Sight) -> StreamName {
        let number = (sight.head.rawValue + Int64(sight.operations)) / 200 + .random(in: 0..<3, using: &random)
        return StreamName(unchecked: "\(random.oneIn(2) ? "order" : "cash")-\(number)")
    }

    private mutating func query() -> EventQuery {
        EventQuery(
            items: (0..<random.pick([1, 1, 2])).map { _ in
                EventQuery.Item(
                    types: random.oneIn(3) ? [] : [random.pick(Self.types)],
                    tags: random.oneIn(2) ? [] : [random.pick(Self.tags)])
            })
    }

    private mutating func filter(_ sight: HistoryBoard.Sight) -> EventFilter {
        guard random.oneIn(2) else { return random.oneIn(2) ? .all : .everything }
        var filter = EventFilter(includesControlEvents: random.oneIn(2))
        switch Int.random(in: 0..<5, using: &random) {
        case 0: filter.categories = [random.oneIn(2) ? "order" : "cash"]
        case 1: filter.streamPrefixes = [stream(sight).rawValue]
        case 2: filter.types = [random.pick(Self.types)]
        case 3: filter.tags = [random.pick(Self.tags)]
        default: filter.query = query()
        }
        return filter
    }

    private mutating func direction() -> ReadDirection { random.oneIn(2) ? .forward : .backward }

    private mutating func limit() -> Int { random.pick([1, 2, 5, 20]) }

    private mutating func streamCursor(_ sight: HistoryBoard.Sight, _ stream: StreamName) -> StreamCursor {
        switch Int.random(in: 0..<6, using: &random) {
        case 0: .start
        case 1, 2: .end
        case 3: .position(recentPosition(sight))
        default:
            .version(
                StreamVersion(max(0, (sight.versions[stream]?.rawValue ?? 0) + .random(in: -4...1, using: &random))))
        }
    }

    private mutating func logCursor(_ sight: HistoryBoard.Sight) -> LogCursor {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: .start
        case 1..<8: .end
        default: .position(recentPosition(sight))
        }
    }

    private mutating func recentPosition(_ sight: HistoryBoard.Sight) -> Position {
        Position(max(0, sight.head.rawValue + .random(in: -30...2, using: &random)))
    }
}
