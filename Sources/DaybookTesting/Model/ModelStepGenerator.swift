import DaybookCore

/// Makes random steps that meet: over few streams, few identifiers and few commands.
///
/// It appends to a model of its own, so that expected versions and positions are often the right ones.
struct ModelStepGenerator {
    private var random: SplitMix64
    private var model = EventStoreModel()
    private var requests: [AppendRequest] = []
    /// Requests that came first without a command, and then with one.
    private var named: [AppendRequest] = []
    private var nextID: UInt64 = 0
    private let drivesTime: Bool
    private let reopens: Bool

    init(seed: UInt64, drivesTime: Bool, reopens: Bool) {
        random = SplitMix64(seed: seed)
        self.drivesTime = drivesTime
        self.reopens = reopens
    }

    private static let streams: [StreamName] = ["order-1", "order-2", "cash-1", "é-1"]
    private static let types: [EventType] = ["placed", "filled", "filled.partly"]
    private static let tags: [Tag] = ["owner:1", "owner:2", "share:7"]
    private static let commands: [CommandID] = ["c-1", "c-2", "c-3", "c-4", "c-5"]

    mutating func steps(_ count: Int) -> [ModelStep] { (0..<count).map { _ in step() } }

    private mutating func step() -> ModelStep {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40: appendStep(request())
        case 40..<52: appendStep(retry())
        case 52..<66:
            ModelStep(action: .readStream(anyStream(), cursor(ofStream: true), direction(), limit: limit()))
        case 66..<80: ModelStep(action: .readLog(cursor(ofStream: false), direction(), filter(), limit: limit()))
        case 80..<84: ModelStep(action: .readWholeLog(direction(), filter(), pageSize: limit()))
        case 84..<89: ModelStep(action: .state(anyStream()))
        case 89..<92: ModelStep(action: .streams(after: random.oneIn(2) ? nil : anyStream(), limit: limit()))
        case 92..<95: ModelStep(action: .receipt(random.pick(Self.commands + named.compactMap(\.commandID))))
        case 95..<98 where drivesTime:
            ModelStep(action: .advance(microseconds: random.pick([1, 5, 10, 1_000_000, -3, 0])))
        case 98..<100 where reopens: ModelStep(action: .reopen)
        default: appendStep(request())
        }
    }

    private mutating func appendStep(_ request: AppendRequest) -> ModelStep {
        requests.append(request)
        _ = model.append(request, recordedAt: Timestamp(microseconds: 0))
        return ModelStep(action: .append(request))
    }

    private mutating func request() -> AppendRequest {
        var request = AppendRequest()
        let streams = Self.streams.shuffled(using: &random)
        let writes = random.oneIn(3) ? Int.random(in: 2...3, using: &random) : random.oneIn(25) ? 0 : 1
        for stream in streams.prefix(writes) {
            request.writes.append(StreamWrite(stream: stream, expected: expected(of: stream), action: action()))
        }
        if random.oneIn(5), let stream = streams.last { request.check(stream, at: expected(of: stream)) }
        if random.oneIn(4) {
            let after =
                random.oneIn(2) ? model.head : Position(.random(in: -1...model.head.rawValue + 1, using: &random))
            request.condition = AppendCondition(failIfEventsMatch: query(), after: after)
        }
        if writes == 0 || random.oneIn(4) { request.commandID = random.pick(Self.commands) }
        return request
    }

    /// An earlier request again, often with a change that matters or that must not.
    private mutating func retry() -> AppendRequest {
        guard !requests.isEmpty else { return request() }
        if !named.isEmpty, random.oneIn(3) { return random.pick(named) }
        var request = random.oneIn(2) ? requests[requests.count - 1] : random.pick(requests)
        if request.commandID == nil, random.oneIn(3) {
            request.commandID = CommandID(unchecked: "n-\(named.count)")
            named.append(request)
            return request
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: request.commandID = random.pick(Self.commands)
        case 1: request.condition = nil
        case 2: request.checks = []
        case 3:
            for index in request.writes.indices {
                request.writes[index].expected = expected(of: request.writes[index].stream)
            }
        case 4:
            for index in request.writes.indices {
                guard case .append(var events) = request.writes[index].action else { continue }
                for number in events.indices { events[number].id = newID() }
                request.writes[index].action = .append(events)
            }
        case 5:
            if let index = request.writes.indices.first, case .append(let events) = request.writes[index].action {
                request.writes[index].action = .append(random.oneIn(2) ? events + [event()] : Array(events.prefix(1)))
            }
        default: break
        }
        return request
    }

    private mutating func action() -> StreamWrite.Action {
        switch Int.random(in: 0..<40, using: &random) {
        case 0: .tombstone
        case 1, 2: .delete
        case 3..<7: .setRetention(retention())
        default: .append((0..<random.pick([1, 1, 1, 2, 3])).map { _ in event() })
        }
    }

    private mutating func retention() -> Retention {
        Retention(
            maxAge: random.oneIn(3)
                ? (drivesTime ? .microseconds(random.pick([1, 6, 2_000_000])) : .seconds(3600)) : nil,
            maxCount: random.oneIn(3) ? .random(in: 1...4, using: &random) : nil,
            truncateBefore: random.oneIn(3) ? StreamVersion(.random(in: 0...6, using: &random)) : nil)
    }

    private mutating func newID() -> EventID {
        nextID += 1
        return EventID(high: 0, low: nextID)
    }

    private mutating func event() -> NewEvent {
        NewEvent(
            id: newID(), type: random.pick(Self.types), data: [random.pick(Array("abc".utf8))],
            metadata: random.oneIn(3) ? [random.pick(Array("xyz".utf8))] : [], tags: random.subset(of: Self.tags))
    }

    private mutating func expected(of stream: StreamName) -> ExpectedVersion {
        let last = model.lastVersion(of: stream) ?? -1
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3: return .any
        case 3: return .streamExists
        case 4: return .noStream
        case 5: return .version(StreamVersion(last + .random(in: -2...1, using: &random)))
        default: return model.state(of: stream).expectedVersion
        }
    }

    private mutating func query() -> EventQuery {
        EventQuery(
            items: (0..<Int.random(in: 1...2, using: &random)).map { _ in
                EventQuery.Item(
                    types: random.oneIn(2) ? [random.pick(Self.types)] : [],
                    tags: random.oneIn(3) ? [] : Set(random.subset(of: Self.tags)))
            })
    }

    private mutating func filter() -> EventFilter {
        var filter = EventFilter(includesControlEvents: random.oneIn(2))
        if random.oneIn(4) { filter.categories = [random.pick(["order", "cash", "é", "$$order"])] }
        if random.oneIn(5) { filter.streamPrefixes = [random.pick(["order-", "order-1", "c", "$$"])] }
        if random.oneIn(4) { filter.types = Set(random.subset(of: Self.types)) }
        if random.oneIn(5) { filter.typePrefixes = [random.pick(["filled", "p", "$"])] }
        if random.oneIn(4) { filter.tags = [random.pick(Self.tags)] }
        if random.oneIn(4) { filter.query = query() }
        return filter
    }

    private mutating func anyStream() -> StreamName {
        random.oneIn(6) ? random.pick(["$$order-1", "$$cash-1", "none-1"]) : random.pick(Self.streams)
    }

    private mutating func direction() -> ReadDirection { random.oneIn(2) ? .forward : .backward }

    private mutating func limit() -> Int { random.pick([1, 2, 3, 10, 1000]) }

    private mutating func cursor(ofStream isStream: Bool) -> ModelStep.Cursor {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: .start
        case 1: .end
        case 2, 3:
            .time(ofEvent: .random(in: 0..<1000, using: &random), plus: .random(in: -1...1, using: &random))
        case 4...5 where isStream: .version(.random(in: -1...8, using: &random))
        default: .position(.random(in: -1...model.head.rawValue + 2, using: &random))
        }
    }
}
