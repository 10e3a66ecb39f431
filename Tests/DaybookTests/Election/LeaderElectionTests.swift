import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("A leader election")
struct LeaderElectionTests {
    private struct Broken: Error {}

    /// Who works now, and who did.
    private final class Workplace: Sendable {
        private let state = Mutex((now: Set<String>(), turns: [String](), mostAtOnce: 0))

        var now: Set<String> { state.withLock(\.now) }
        var turns: [String] { state.withLock(\.turns) }
        var mostAtOnce: Int { state.withLock(\.mostAtOnce) }

        /// Works until the task is cancelled.
        func work(_ name: String) async throws {
            state.withLock { state in
                state.now.insert(name)
                state.turns.append(name)
                state.mostAtOnce = max(state.mostAtOnce, state.now.count)
            }
            defer { state.withLock { _ = $0.now.remove(name) } }
            try await Task.sleep(for: .seconds(3600))
        }
    }

    private func election(_ models: any ReadModelStore, lease: Duration = .seconds(3600)) -> LeaderElection {
        LeaderElection("work", in: models, lease: lease, pollInterval: .milliseconds(2))
    }

    @Test("lets one member work at a time, and the next one when it leaves", .timeLimit(.minutes(1)))
    func turns() async throws {
        let store = InMemoryEventStore()
        let place = Workplace()
        var members: [String: Task<Void, any Error>] = [:]
        for name in ["a", "b", "c"] {
            members[name] = Task {
                try await election(store).run(as: ConsumerMemberName(unchecked: name)) { try await place.work(name) }
            }
            // Who joined first leads: the leases of the others are there before the next one comes.
            try await eventually("'\(name)' has joined") {
                try await store.checkpoint(of: "$consumer-election/work").rawValue >= Int64(members.count)
            }
        }
        for name in ["a", "b", "c"] {
            try await eventually("'\(name)' works") { place.now == [name] }
            #expect(try await election(store).leader()?.rawValue == name)
            members[name]?.cancel()
            try await members[name]?.value
        }
        #expect(place.turns == ["a", "b", "c"])
        #expect(place.mostAtOnce == 1)
        #expect(try await election(store).leader() == nil)
    }

    @Test("lets another member work when the lease of a dead one has run out, and not before", .timeLimit(.minutes(1)))
    func deadLeader() async throws {
        let clock = DrivenClock()
        let store = InMemoryEventStore(time: clock.time.source)
        let place = Workplace()
        let mortal = MortalModels(store)
        func member(_ name: String, _ models: any ReadModelStore) -> Task<Void, any Error> {
            let election = LeaderElection(
                "work", in: models, lease: .seconds(30), pollInterval: .seconds(1), time: clock.time.source,
                clock: clock)
            return Task {
                try await election.run(as: ConsumerMemberName(unchecked: name)) { try await place.work(name) }
            }
        }
        let dead = member("dead", mortal)
        try await eventually("it works") { place.now == ["dead"] }
        for _ in 0..<5 {
            try await clock.wait(forSleepers: 1)
            clock.advance(by: .seconds(1))
        }
        let next = member("next", store)
        try await clock.wait(forSleepers: 2)
        mortal.kill()
        // It ends when it cannot renew its lease, and nobody works until that has run out.
        for _ in 0..<4 {
            clock.advance(by: .seconds(1))
            try await clock.wait(forSleepers: 2)
            #expect(place.now == ["dead"])
        }
        clock.advance(by: .seconds(1))
        await #expect(throws: ConsumerError.self) { try await dead.value }
        for _ in 0..<19 {
            clock.advance(by: .seconds(1))
            try await clock.wait(forSleepers: 1)
            #expect(place.now.isEmpty)
        }
        clock.advance(by: .seconds(1))
        try await clock.wait(forSleepers: 1)
        clock.advance(by: .seconds(1))
        // Without another second: it does not wait until its own lease is to be renewed.
        try await eventually("the next one works") { place.now == ["next"] }
        #expect(place.mostAtOnce == 1)
        next.cancel()
        try await next.value
    }

    @Test(
        "ends the work of a leader whose lease was lost while it was asleep, and lets one begin anew",
        .timeLimit(.minutes(1)))
    func sleepingLeader() async throws {
        let time = DrivenTime()
        let store = InMemoryEventStore(time: time.source)
        let place = Workplace()
        func member(_ name: String) -> Task<Void, any Error> {
            let election = LeaderElection(
                "work", in: store, lease: .seconds(30), pollInterval: .milliseconds(2), time: time.source)
            return Task {
                try await election.run(as: ConsumerMemberName(unchecked: name)) { try await place.work(name) }
            }
        }
        let first = member("first")
        try await eventually("it works") { place.now == ["first"] }
        let second = member("second")
        try await eventually("the second one has joined") {
            try await store.checkpoint(of: "$consumer-election/work").rawValue >= 2
        }
        // Nobody has renewed for longer than the lease: the work ends, and whoever joins again first begins it.
        for _ in 0..<5 {
            let turns = place.turns.count
            time.advance(by: .seconds(31))
            try await eventually("somebody works") { place.turns.count > turns && place.now.count == 1 }
        }
        for task in [first, second] { task.cancel() }
        for task in [first, second] { try await task.value }
        #expect(place.now.isEmpty)
    }

    @Test("ends with the failure of its work, and gives up the lead at once", .timeLimit(.minutes(1)))
    func failures() async throws {
        let store = InMemoryEventStore()
        await #expect(throws: Broken.self) { try await election(store).run { throw Broken() } }
        // The lease is an hour: the next one does not wait for it.
        let worked = Mutex(0)
        try await election(store).run { worked.withLock { $0 += 1 } }
        #expect(worked.withLock { $0 } == 1)
        #expect(try await election(store).leader() == nil)
    }

    @Test("begins its work anew when it is refused by what another wrote at the last moment", .timeLimit(.minutes(1)))
    func overtaken() async throws {
        let store = InMemoryEventStore()
        let attempts = Mutex(0)
        try await election(store).run {
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            if attempt < 3 { throw ProcessError.moved(category: "tally") }
            if attempt < 5 {
                throw ProjectionError.store(.checkpointMoved(model: "m", expected: .start, actual: Position(1)))
            }
        }
        #expect(attempts.withLock { $0 } == 5)
    }

    @Test(
        "shares a projection and a process manager, each event once, whichever member is killed",
        .timeLimit(.minutes(2)),
        arguments: TestStore.all)
    func shared(_ make: TestStore) async throws {
        let store = try await make.make()
        let policy = ConsumerPolicy(
            lease: .milliseconds(200), deliveries: 1000, backoff: .milliseconds(1), backoffCeiling: .milliseconds(5),
            pollInterval: .milliseconds(2))
        let shelf = CommandHandler(Shelf.self, in: store, category: "shelf")
        func member(_ models: any ReadModelStore & Sendable) -> Task<Void, any Error> {
            Task {
                func election(_ name: ElectionName) -> LeaderElection {
                    LeaderElection(name, in: models, lease: .milliseconds(200), pollInterval: .milliseconds(2))
                }
                let projection = ProjectionRunner(SalesSeen(), of: store, in: models)
                let process = ProcessRunner(Fulfilment.self, of: store, in: models, policy: policy) { command, id in
                    try await shelf.handle(command, id: "1", commandID: id)
                }
                let tally = ProcessRunner(Tally.self, of: store, in: models, policy: policy) { _, _ in }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await election("projection").run { try await projection.run() } }
                    group.addTask { try await process.run(electing: election("fulfilment")) }
                    group.addTask { try await tally.run(electing: election("tally")) }
                    defer { group.cancelAll() }
                    while try await group.next() != nil {}
                }
            }
        }
        var members = (0..<3).map { _ in
            let models = MortalModels(store)
            return (models: models, task: member(models))
        }
        let codec = JSONEventCodec<SaleEvent>()
        for number in 1...40 {
            for event in [SaleEvent.placed(sale: "\(number)"), .paid(sale: "\(number)")] {
                let encoded = try codec.encode(event)
                try await store.append([NewEvent(type: encoded.type, data: encoded.data)], to: "sales")
            }
            if number.isMultiple(of: 8) {
                // The oldest one leads: it is killed, and one more comes.
                let killed = members.removeFirst()
                killed.models.kill()
                let models = MortalModels(store)
                members.append((models, member(models)))
                await #expect(throws: (any Error).self) { try await killed.task.value }
            }
        }
        let tally = ProcessRunner(Tally.self, of: store, in: store) { _, _ in }
        try await eventually("all are counted") { try await tally.state(of: "all").state >= 80 }
        let seen = ReadModel(SalesSeen(), of: store, in: store)
        try await eventually("all are seen") { try await seen.document("all") == 80 }
        let fulfilments = ProcessRunner(Fulfilment.self, of: store, in: store) { _, _ in }
        try await eventually("every sale has ended, and what could be reserved is shipped") {
            for number in 1...40 {
                let state = try await fulfilments.state(of: "\(number)").state
                guard state.sale != nil, !state.isOpen else { return false }
            }
            let state = try await shelf.state(of: "1").state
            return state.shipped.count == 5 && state.reserved.isEmpty
        }
        for member in members { member.task.cancel() }
        for member in members { try await member.task.value }
        #expect(try await tally.state(of: "all").state == 80)
        #expect(try await seen.document("all") == 80)
        var kinds: [String: Int] = [:]
        for try await event in store.events(filter: EventFilter(categories: ["fulfilment"])) {
            kinds[event.type.rawValue, default: 0] += 1
        }
        // Paid before the shelf was found empty, or not.
        let finished = kinds["fulfilment.finished"] ?? 0
        #expect(kinds["fulfilment.started"] == 40)
        #expect(finished + (kinds["fulfilment.failed"] ?? 0) == 40)
        #expect(kinds["process.sent"] == 40 + finished)
    }

    @Test(
        "reacts on what another member recorded of a process, and not on what it has in memory", .timeLimit(.minutes(1))
    )
    func freshStates() async throws {
        struct Refused: CommandRejection {
            var rejectionReason: String? { "refused" }
        }
        let store = InMemoryEventStore()
        let codec = JSONEventCodec<SaleEvent>()
        func record(_ event: SaleEvent) async throws {
            let encoded = try codec.encode(event)
            try await store.append([NewEvent(type: encoded.type, data: encoded.data)], to: "sales")
        }
        func policy(inFlight: Int) -> ConsumerPolicy {
            ConsumerPolicy(inFlight: inFlight, lease: .seconds(3600), pollInterval: .milliseconds(2))
        }
        let (sending, signal) = AsyncStream.makeStream(of: String.self)
        // The leader has its one hand full with the first command, so that the other one sends the second, and is refused.
        let leader = ProcessRunner(Refund.self, of: store, in: store, policy: policy(inFlight: 1)) { command, _ in
            signal.yield(command)
            try await Task.sleep(for: .seconds(3600))
        }
        let other = ProcessRunner(Refund.self, of: store, in: store, policy: policy(inFlight: 16)) { _, _ in
            throw Refused()
        }
        let leading = Task { try await leader.run(electing: election(store)) }
        try await record(.placed(sale: "0"))
        for await _ in sending { break }
        let standingBy = Task { try await other.run(electing: election(store)) }
        try await record(.placed(sale: "1"))
        try await eventually("the refusal is recorded") { try await other.state(of: "1").state == .refused }
        try await record(.paid(sale: "1"))
        try await eventually("what was paid is given back") { try await other.state(of: "1").state == .refunded }
        for task in [leading, standingBy] { task.cancel() }
        for task in [leading, standingBy] { try await task.value }
    }
}

/// Gives back what was paid for a sale that was refused.
private enum Refund: ProcessManager {
    enum Event: DomainEvent {
        case begun
        case refused
        case refunded
        static let typePrefix = "refund"
    }
    enum State: Sendable { case unknown, begun, refused, refunded }

    static let category: DaybookCore.Category = "refund"
    static let initialState = State.unknown

    static func processIDs(for input: SaleEvent, recorded: RecordedEvent) -> [String] { [input.sale] }

    static func react(to input: SaleEvent, in state: State) -> [ProcessAction<Event, String>] {
        switch input {
        case .placed(let sale): [.record(.begun), .send(sale)]
        case .paid: state == .refused ? [.record(.refunded)] : []
        }
    }

    static func react(
        toRejectionOf command: String, reason: String, in state: State
    ) -> [ProcessAction<Event, String>] { [.record(.refused)] }

    static func evolve(_ state: inout State, with event: Event) {
        state =
            switch event {
            case .begun: .begun
            case .refused: .refused
            case .refunded: .refunded
            }
    }
}

/// Counts the sales that it sees.
private struct SalesSeen: Projection {
    typealias Event = SaleEvent

    let name: ReadModelName = "sales-seen"

    func keys(for event: SaleEvent, recorded: RecordedEvent) -> [String] { ["all"] }

    func apply(_ event: SaleEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
        document = (document ?? 0) + 1
    }
}
