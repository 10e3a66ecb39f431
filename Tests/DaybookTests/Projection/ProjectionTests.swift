import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

struct Balance: Codable, Equatable, Sendable {
    var amount: Int
    var events: Int
}

/// The balance of each account that is open, and of all of them together.
struct Balances: Projection {
    struct Unwanted: Error {}

    let name: ReadModelName
    /// A deposit of this amount is refused.
    var poison: Int?

    init(name: ReadModelName = "balances", poison: Int? = nil) {
        self.name = name
        self.poison = poison
    }

    func keys(for event: AccountEvent, recorded: RecordedEvent) -> [String] { [recorded.stream.rawValue, "total"] }

    func apply(_ event: AccountEvent, recorded: RecordedEvent, key: String, to document: inout Balance?) throws {
        // Only the second document refuses, so that an event that fails half way must change nothing.
        if key == "total", case .deposited(let amount) = event, amount == poison { throw Unwanted() }
        var balance = document ?? Balance(amount: 0, events: 0)
        balance.events += 1
        switch event {
        case .deposited(let amount): balance.amount += amount
        case .withdrawn(let amount): balance.amount -= amount
        case .closed:
            if key != "total" {
                document = nil
                return
            }
        }
        document = balance
    }
}

@Suite("A projection")
struct ProjectionTests {
    typealias Store = any EventStore & ReadModelStore

    /// Appends random account events, and others that the projection does not fold.
    private func fill(_ store: Store, count: Int, using generator: inout SplitMix64) async throws {
        let codec = JSONEventCodec<AccountEvent>()
        for _ in 0..<count {
            let event: AccountEvent =
                switch Int.random(in: 0..<10, using: &generator) {
                case 0: .closed
                case 1..<4: .withdrawn(amount: .random(in: 1...9, using: &generator))
                default: .deposited(amount: .random(in: 1...9, using: &generator))
                }
            let encoded = try codec.encode(event)
            let stream = StreamName(unchecked: "account-\(Int.random(in: 0..<4, using: &generator))")
            try await store.append([NewEvent(type: encoded.type, data: encoded.data)], to: stream)
            if Bool.random(using: &generator) {
                try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
            }
        }
    }

    /// The documents as a plain fold of the whole log makes them.
    private func fold(_ store: Store, through position: Position = Position(.max)) async throws -> [String: Balance] {
        let projection = Balances()
        let codec = JSONEventCodec<AccountEvent>()
        var documents: [String: Balance] = [:]
        for try await recorded in store.events(filter: projection.filter) where recorded.position <= position {
            for event in try codec.decode(recorded) {
                for key in projection.keys(for: event, recorded: recorded) {
                    try projection.apply(event, recorded: recorded, key: key, to: &documents[key])
                }
            }
        }
        return documents
    }

    private func documents(_ model: ReadModel<Balances>) async throws -> [String: Balance] {
        var documents: [String: Balance] = [:]
        var after: String?
        while true {
            let page = try await model.documents(after: after, limit: 2)
            guard let last = page.last else { return documents }
            after = last.key
            for entry in page { documents[entry.key] = entry.document }
        }
    }

    @Test(
        "equals the fold of the log, however it is cut into batches and runs", arguments: TestStore.all,
        TestSeeds.first(5))
    func equalsFold(_ store: TestStore, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let store = try await store.make()
        for round in 0..<5 {
            try await fill(store, count: 40, using: &generator)
            let size = Int.random(in: 1...60, using: &generator)
            let runner = ProjectionRunner(Balances(), of: store, in: store, batchSize: size)
            let reached = try await runner.catchUp()
            #expect(try await reached == store.head(), "seed \(seed)")
            #expect(try await documents(runner.readModel) == fold(store), "seed \(seed), round \(round)")
            #expect(try await runner.readModel.lag() == 0)
        }
    }

    @Test("that is run serves one's own writes", arguments: TestStore.all)
    func live(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            for amount in 1...50 {
                let receipt = try await handler.handle(.deposit(amount: amount), id: "1")
                try await runner.readModel.wait(for: receipt.position)
                let balance = try await runner.readModel.document("account-1")
                #expect(balance == Balance(amount: amount * (amount + 1) / 2, events: amount))
            }
            let other = try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
            try await runner.readModel.wait(for: other.position)
            group.cancelAll()
        }
    }

    @Test("stops before an event that it refuses, and goes on when that is mended", arguments: TestStore.all)
    func poison(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await handler.handle([.deposit(amount: 1), .deposit(amount: 2), .deposit(amount: 13)], id: "1")
        try await handler.handle(.deposit(amount: 4), id: "2")
        let stuck = ProjectionRunner(Balances(poison: 13), of: store, in: store)
        for _ in 0..<2 {
            do throws(ProjectionError) {
                try await stuck.run()
                Issue.record("went on")
            } catch {
                guard case .failed(let place, _) = error else { throw error }
                #expect(place.position == 3 && place.version == 2 && place.stream == "account-1")
                #expect(place.type == "account.deposited")
                #expect(error.description.contains("position 3"))
            }
            #expect(try await stuck.readModel.position() == 2)
            #expect(try await documents(stuck.readModel) == fold(store, through: 2))
            await #expect(throws: ReadModelError.self) { try await stuck.readModel.wait(for: 3) }
        }
        let mended = ProjectionRunner(Balances(), of: store, in: store)
        _ = try await mended.catchUp()
        #expect(try await documents(mended.readModel) == fold(store))
    }

    @Test("stops before an event that it cannot read", arguments: TestStore.all)
    func undecodable(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await handler.handle(.deposit(amount: 1), id: "1")
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-1")
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        do throws(ProjectionError) {
            _ = try await runner.catchUp()
            Issue.record("skipped an event")
        } catch {
            guard case .undecodable(let reason) = error else { throw error }
            #expect(reason.position == 2 && reason.type == "account.frozen")
        }
        #expect(try await store.checkpoint(of: "balances") == 1)
    }

    @Test("notices another runner on its read model", arguments: TestStore.all)
    func twoRunners(_ store: TestStore) async throws {
        let base = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: base, category: "account")
        try await handler.handle(.deposit(amount: 1), id: "1")
        let rival = ProjectionRunner(Balances(), of: base, in: base)
        let models = RivalModels(base) { _ = try? await rival.catchUp() }
        let runner = ProjectionRunner(Balances(), of: base, in: models)
        let error = await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
        #expect(error == .store(.checkpointMoved(model: "balances", expected: .start, actual: 1)))
        #expect(try await documents(runner.readModel) == fold(base))
    }

    /// A log that cannot be read while it is broken.
    private final class BreakableLog: ForwardingStore, Sendable {
        let base: any EventStore
        let isBroken = Mutex(false)

        init(_ base: any EventStore) { self.base = base }

        func readPage(
            from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
        ) async throws(ReadError) -> LogPage {
            guard !isBroken.withLock({ $0 }) else { throw .storageFailed(reason: "a test") }
            return try await base.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        }
    }

    @Test("whose read model was deleted is as far as it has been built since", arguments: TestStore.all)
    func deleted(_ store: TestStore) async throws {
        let store = try await store.make()
        let log = BreakableLog(store)
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await handler.handle([.deposit(amount: 1), .deposit(amount: 2)], id: "1")
        let runner = ProjectionRunner(Balances(), of: log, in: store)
        #expect(try await runner.catchUp() == 2)
        try await store.deleteReadModel("balances")
        log.isBroken.withLock { $0 = true }
        await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
        #expect(try await runner.readModel.position() == .start)
        #expect(try await runner.readModel.lag() == 2)
        await #expect(throws: ReadModelError.self) { try await runner.readModel.wait(for: 2) }
        log.isBroken.withLock { $0 = false }
        #expect(try await runner.catchUp() == 2)
        try await runner.readModel.wait(for: 2)
        #expect(try await documents(runner.readModel) == fold(store))
    }

    @Test("writes nothing for each event that it does not fold", arguments: TestStore.all)
    func filtered(_ store: TestStore) async throws {
        let base = try await store.make()
        let models = RivalModels(base) {}
        let runner = ProjectionRunner(Balances(), of: base, in: models)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            for _ in 0..<100 {
                let result = try await base.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
                try await runner.readModel.wait(for: result.position)
            }
            #expect(models.commits < 50)
            group.cancelAll()
        }
    }

    @Test("waits as long as a clock can with a checkpoint that need not be saved")
    func patient() async throws {
        let store = InMemoryEventStore()
        let runner = ProjectionRunner(Balances(), of: store, in: store, saveInterval: .seconds(Int64.max))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            for _ in 0..<3 {
                let result = try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
                try await runner.readModel.wait(for: result.position)
            }
            group.cancelAll()
        }
    }

    @Test("of another process is looked at once a day at least")
    func patientReader() async throws {
        let store = InMemoryEventStore()
        let clock = DrivenClock()
        let balances = ReadModel(Balances(), of: store, in: store, pollInterval: .seconds(Int64.max), clock: clock)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await balances.wait(for: 1) }
            try await clock.wait(forSleepers: 1)
            #expect(clock.deadlines == [DrivenClock.Instant(offset: .seconds(86_400))])
            try await store.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
            try await ProjectionRunner(Balances(), of: store, in: store).catchUp()
            clock.advance(by: .seconds(86_400))
            try await group.waitForAll()
        }
    }

    @Test("saves a checkpoint that only foreign events have moved after a while", arguments: TestStore.all)
    func idle(_ store: TestStore) async throws {
        let base = try await store.make()
        let (commits, committed) = AsyncStream<Void>.makeStream()
        let models = RivalModels(base, afterCommit: { committed.yield() }, beforeCommit: {})
        try await base.append([NewEvent(type: "weather.changed", data: [])], to: "weather")
        let runner = ProjectionRunner(Balances(), of: base, in: models, clock: LeapingClock())
        let running = Task { try await runner.run() }
        for await _ in commits { break }
        running.cancel()
        try await running.value
        #expect(try await base.checkpoint(of: "balances") == 1)
    }

    @Test("can be waited for from another process", arguments: TestStore.all)
    func poll(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        let receipt = try await handler.handle(.deposit(amount: 1), id: "1")
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        let sleeps = Countdown(3)
        let clock = LeapingClock { if !sleeps.take() { _ = try? await runner.catchUp() } }
        let model = ReadModel(Balances(), of: store, in: store, clock: clock)
        #expect(try await model.lag() == 1)
        try await model.wait(for: receipt.position)
        #expect(clock.sleeps.count == 4)
        #expect(try await model.document("account-1") == Balance(amount: 1, events: 1))
        #expect(try await model.document("account-2") == nil)
        await #expect(throws: ReadModelError.invalidLimit(0)) { try await model.documents(limit: 0) }
    }

    @Test("ends with its task, and a cancelled wait says so", arguments: TestStore.all)
    func cancellation(_ store: TestStore) async throws {
        let store = try await store.make()
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        let running = Task { try await runner.run() }
        let waiting = Task { try await runner.readModel.wait(for: 1) }
        waiting.cancel()
        await #expect(throws: ReadModelError.cancelled) { try await waiting.value }
        running.cancel()
        try await running.value
    }

    @Test("does not read documents of another shape", arguments: TestStore.all)
    func foreignDocuments(_ store: TestStore) async throws {
        let store = try await store.make()
        try await store.commit(
            DocumentBatch(model: "balances", changes: ["total": Array("[]".utf8)], previous: .start, checkpoint: .start)
        )
        let handler = CommandHandler(CashAccount.self, in: store, category: "account")
        try await handler.handle(.deposit(amount: 1), id: "1")
        let runner = ProjectionRunner(Balances(), of: store, in: store)
        await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
        await #expect(throws: ReadModelError.self) { try await runner.readModel.document("total") }
    }
}
