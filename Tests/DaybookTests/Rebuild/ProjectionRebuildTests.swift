import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Synchronization
import Testing

@Suite("A rebuild of a read model")
struct ProjectionRebuildTests {
    /// The balances of owners, without those that are excluded, and with a charge for each payment to some.
    struct Charged: Projection {
        var name: ReadModelName
        var excluded = ""
        var charged = ""
        var extra = ""

        func filter(for key: String) -> EventFilter {
            EventFilter(query: EventQuery(items: [.init(tags: [PaymentEvent.owner(key)])]))
        }
        func keys(for event: PaymentEvent, recorded: RecordedEvent) -> [String] {
            guard case .paid(let from, let to, _) = event else { return [] }
            return [from, to].filter { $0 != excluded } + (extra.isEmpty ? [] : [extra])
        }
        func apply(_ event: PaymentEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
            guard case .paid(let from, _, let amount) = event else { return }
            document = (document ?? 0) + (key == from ? -amount : amount) - (key == charged ? 1 : 0)
        }
    }

    /// Somebody else was always there first.
    private struct TakenModels: ForwardingReadModelStore {
        let models: any ReadModelStore

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            throw .checkpointMoved(model: batch.model, expected: batch.previous, actual: batch.previous)
        }
    }

    /// A clock on which something happens instead of each sleep.
    private struct SteppingClock: Clock {
        typealias Instant = ContinuousClock.Instant
        let step: @Sendable () async -> Void
        var now: Instant { ContinuousClock.now }
        var minimumResolution: Duration { .zero }
        func sleep(until deadline: Instant, tolerance: Duration?) async throws { await step() }
    }

    @Test("waits for whoever runs the new version as long as that moves, and does not end it", arguments: TestStore.all)
    func waits(_ make: TestStore) async throws {
        let store = try await make.make()
        for number in 0..<10 { try await pay("a\(number)", "b", number, in: store) }
        let (old, new) = (Charged(name: "balances-1"), Charged(name: "balances-2"))
        let runner = ProjectionRunner(old, of: store, in: store)
        _ = try await runner.catchUp()
        let first = try ProjectionRebuild(of: "balances", from: old, to: new, log: store, models: store)
        try await first.build()
        let comparison = try await first.compare()
        for number in 0..<30 { try await pay("a\(number)", "b", number, in: store) }
        _ = try await runner.catchUp()
        // Moves by one event whenever it is looked at; that another one moves it would end it.
        let clock = SteppingClock {
            await #expect(throws: Never.self) {
                let position = try await store.checkpoint(of: new.name)
                try await store.commit(
                    DocumentBatch(model: new.name, changes: [:], previous: position, checkpoint: position.next))
            }
        }
        let rebuild = try ProjectionRebuild(
            of: "balances", from: old, to: new, log: store, models: store, clock: clock)
        try await rebuild.switchOver(comparison)
        #expect(try await store.checkpoint(of: new.name) == 40)
        // Nobody else wrote anything.
        #expect(try await store.document("a29", of: new.name) == nil)
        #expect(try await rebuild.alias.target() == new.name)
    }

    @Test("tells keys apart by their bytes")
    func twins() async throws {
        struct Spelled: Projection {
            let name: ReadModelName
            let key: String
            func keys(for event: PaymentEvent, recorded: RecordedEvent) -> [String] { [key] }
            func apply(_ event: PaymentEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                document = (document ?? 0) + 1
            }
        }
        let store = try await SQLiteEventStore.temporary()
        try await pay("a", "b", 1, in: store)
        let (old, new) = (Spelled(name: "old", key: "e\u{301}"), Spelled(name: "new", key: "\u{E9}"))
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        let rebuild = try ProjectionRebuild(of: "counts", from: old, to: new, log: store, models: store)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        #expect(comparison.lostCount == 1 && comparison.addedCount == 1 && comparison.documentCount == 2)
    }

    private func pay(_ from: String, _ to: String, _ amount: Int, in store: any EventStore) async throws {
        let event = PaymentEvent.paid(from: from, to: to, amount: amount)
        let encoded = try JSONEventCodec<PaymentEvent>().encode(event)
        try await store.append([NewEvent(type: encoded.type, data: encoded.data, tags: event.tags)], to: "payments")
    }

    @Test("that agrees takes the place of the old version, and gives it back", arguments: TestStore.all)
    func agrees(_ make: TestStore) async throws {
        let store = try await make.make()
        for number in 0..<50 { try await pay("a\(number % 7)", "b\(number % 5)", number, in: store) }
        let old = Charged(name: "balances-1")
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        let rebuild = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-2"), log: store, models: store, batchSize: 10)
        let steps = Mutex<[RebuildProgress]>([])
        try await rebuild.build { step in steps.withLock { $0.append(step) } }
        let seen = steps.withLock { $0 }
        #expect(seen.first?.fraction == 0 && seen.first?.timeLeft == nil)
        #expect(seen.last?.fraction == 1 && seen.last?.timeLeft == .zero && seen.count >= 5)
        let comparison = try await rebuild.compare()
        #expect(comparison.documentCount == 12 && comparison.differenceCount == 0)
        #expect(try await rebuild.alias.target() == nil)
        let other = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-3"), log: store, models: store)
        try await other.build()
        await #expect(throws: RebuildError.otherComparison(old: "balances-1", new: "balances-2")) {
            try await other.switchOver(comparison)
        }
        try await pay("a1", "b1", 1, in: store)
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        // Another runner of the new version that does not get on.
        let clock = LeapingClock()
        let waiting = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-2"), log: store, models: TakenModels(models: store),
            clock: clock)
        await #expect(throws: RebuildError.behind(new: 50, old: 51)) { try await waiting.switchOver(comparison) }
        #expect(!clock.sleeps.isEmpty)
        #expect(try await rebuild.alias.target() == nil)
        try await rebuild.switchOver(comparison)
        #expect(try await store.checkpoint(of: "balances-2") == 51)
        try await rebuild.switchOver(comparison)
        #expect(try await rebuild.alias.target() == "balances-2")
        try await rebuild.switchBack()
        #expect(try await rebuild.alias.target() == "balances-1")
        await #expect(throws: RebuildError.self) { try await rebuild.switchBack() }
    }

    @Test("that differs says where and by which events, and is refused", arguments: TestStore.all)
    func differs(_ make: TestStore) async throws {
        let store = try await make.make()
        for number in 1...20 { try await pay("a", "b", number, in: store) }
        try await pay("c", "d", 1, in: store)
        let old = Charged(name: "balances-1")
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        let new = Charged(name: "balances-2", excluded: "a", charged: "d", extra: "all")
        let rebuild = try ProjectionRebuild(of: "balances", from: old, to: new, log: store, models: store)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        #expect(comparison.addedCount == 1 && comparison.lostCount == 1 && comparison.changedCount == 1)
        #expect(comparison.differences.map(\.key) == ["a", "all", "d"])
        #expect(comparison.differences[0].old == -210 && comparison.differences[0].new == nil)
        #expect(comparison.differences[0].causes.map(\.position.rawValue) == [1] + Array(12...20))
        #expect(comparison.differences[2].old == 1 && comparison.differences[2].new == 0)
        #expect(try await rebuild.compare(keepingFirst: 1).differences.count == 1)
        let error = await #expect(throws: RebuildError.self) {
            try await rebuild.switchOver(comparison, allowing: 2)
        }
        #expect(error == .tooManyDifferences(count: 3, allowed: 2, first: ["a", "all", "d"]))
        #expect(try await rebuild.alias.target() == nil)
        try await rebuild.switchOver(comparison, allowing: 3)
        #expect(try await rebuild.alias.target() == "balances-2")
        let converted = try await rebuild.compare { value in
            guard case .integer(let amount) = value else { return value }
            return amount == 1 ? 0 : value
        }
        #expect(converted.changedCount == 0)
    }

    @Test("names the event at which the versions parted, not those before it", arguments: TestStore.all)
    func parted(_ make: TestStore) async throws {
        /// Takes note of no payment of a certain amount.
        struct Forgetful: Projection {
            let base: Charged
            let forgotten: Int
            var name: ReadModelName { base.name }
            func filter(for key: String) -> EventFilter { base.filter(for: key) }
            func keys(for event: PaymentEvent, recorded: RecordedEvent) -> [String] {
                base.keys(for: event, recorded: recorded)
            }
            func apply(_ event: PaymentEvent, recorded: RecordedEvent, key: String, to document: inout Int?) {
                if case .paid(_, _, forgotten) = event { return }
                base.apply(event, recorded: recorded, key: key, to: &document)
            }
        }
        let store = try await make.make()
        for number in 1...30 { try await pay("a", "b", number, in: store) }
        let old = Charged(name: "balances-1")
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        let new = Forgetful(base: Charged(name: "balances-2"), forgotten: 7)
        let rebuild = try ProjectionRebuild(of: "balances", from: old, to: new, log: store, models: store)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        #expect(comparison.differences.map(\.key) == ["a", "b"])
        for difference in comparison.differences {
            #expect(difference.causes.map(\.position.rawValue) == [7] + Array(22...30))
        }
        // Seen as the sum of 1 to 30 less 7, and the other way round.
        #expect(comparison.differences[1].old == 465 && comparison.differences[1].new == 458)
    }

    @Test("that mends what the old version could not take is compared and switched to", arguments: TestStore.all)
    func mends(_ make: TestStore) async throws {
        /// Cannot take a certain amount.
        struct Fragile: Projection {
            struct Broken: Error {}
            let base: Charged
            var name: ReadModelName { base.name }
            func filter(for key: String) -> EventFilter { base.filter(for: key) }
            func keys(for event: PaymentEvent, recorded: RecordedEvent) -> [String] {
                base.keys(for: event, recorded: recorded)
            }
            func apply(_ event: PaymentEvent, recorded: RecordedEvent, key: String, to document: inout Int?) throws {
                if case .paid(_, _, 7) = event { throw Broken() }
                base.apply(event, recorded: recorded, key: key, to: &document)
            }
        }
        let store = try await make.make()
        for number in 1...30 { try await pay("a", "b", number, in: store) }
        let old = Fragile(base: Charged(name: "balances-1"))
        _ = try await ProjectionRunner(old, of: store, in: store, failurePolicy: .parkKeys()).catchUp()
        let rebuild = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-2"), log: store, models: store)
        try await rebuild.build()
        let comparison = try await rebuild.compare()
        #expect(comparison.changedCount == 2)
        #expect(comparison.differences.first?.causes.map(\.position.rawValue) == Array(21...30))
        try await rebuild.switchOver(comparison, allowing: 2)
        #expect(try await rebuild.alias.target() == "balances-2")
    }

    @Test("that was interrupted goes on from its last batch", arguments: TestStore.all)
    func resumes(_ make: TestStore) async throws {
        let store = try await make.make()
        for number in 0..<100 { try await pay("a", "b", number, in: store) }
        let old = Charged(name: "balances-1")
        _ = try await ProjectionRunner(old, of: store, in: store).catchUp()
        let rebuild = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-2"), log: store, models: store, batchSize: 10)
        let task = Task {
            try await rebuild.build { step in
                if step.position >= 30 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: RebuildError.projection(.cancelled)) { try await task.value }
        #expect(try await store.checkpoint(of: "balances-2") == 30)
        let first = Mutex<Position?>(nil)
        try await rebuild.build { step in first.withLock { $0 = $0 ?? step.position } }
        #expect(first.withLock { $0 } == 30)
        #expect(try await rebuild.compare().differenceCount == 0)
    }

    @Test("is compared while both versions go on", arguments: TestStore.all)
    func live(_ make: TestStore) async throws {
        let store = try await make.make()
        let old = Charged(name: "balances-1")
        let rebuild = try ProjectionRebuild(
            of: "balances", from: old, to: Charged(name: "balances-2"), log: store, models: store)
        let runner = ProjectionRunner(old, of: store, in: store)
        let successor = ProjectionRunner(Charged(name: "balances-2"), of: store, in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            try await rebuild.build()
            // The comparison and the switch make room for it; it is refused where they were faster, and goes on.
            group.addTask {
                while !Task.isCancelled {
                    do throws(ProjectionError) {
                        try await successor.run()
                    } catch {
                        guard case .store(.checkpointMoved) = error else { throw error }
                    }
                }
            }
            for number in 0..<200 {
                try await pay("a\(number % 3)", "b", 1, in: store)
                if number % 50 == 49 {
                    let comparison = try await rebuild.compare()
                    #expect(comparison.addedCount + comparison.lostCount + comparison.changedCount == 0)
                    try await rebuild.switchOver(comparison, allowing: comparison.unsettledCount)
                }
            }
            try await runner.readModel.wait(for: store.head())
            group.cancelAll()
        }
        try await rebuild.build()
        #expect(try await rebuild.compare().differenceCount == 0)
    }

    @Test("has a name of its own")
    func names() {
        let store = InMemoryEventStore()
        #expect(throws: RebuildError.sameName("x")) {
            try ProjectionRebuild(
                of: "balances", from: Charged(name: "x"), to: Charged(name: "x"), log: store, models: store)
        }
    }
}
