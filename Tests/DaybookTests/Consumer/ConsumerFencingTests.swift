import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("A member of a consumer group that outlives its lease")
struct ConsumerFencingTests {
    /// Read models as a machine sees them that stands still for a while.
    private final class SleepingModels: ForwardingReadModelStore {
        let models: any ReadModelStore
        private let isAsleep = Mutex(false)

        init(_ models: any ReadModelStore) { self.models = models }

        func fallAsleep() { isAsleep.withLock { $0 = true } }
        func wake() { isAsleep.withLock { $0 = false } }

        private func sleep() async { while isAsleep.withLock({ $0 }) { await Task.yield() } }

        func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
            await sleep()
            return try await models.checkpoint(of: model)
        }

        func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
            await sleep()
            try await models.commit(batch)
        }
    }

    private typealias Delivery = ConsumerDelivery<AccountEvent>

    /// What came to a member, and of its effect.
    private final class Diary: Sendable {
        private let state = Mutex((deliveries: [Delivery](), effects: [Position: Result<Bool, any Error>]()))

        var deliveries: [Delivery] { state.withLock(\.deliveries) }
        var effects: [Position: Result<Bool, any Error>] { state.withLock(\.effects) }
        func begin(_ delivery: Delivery) { state.withLock { $0.deliveries.append(delivery) } }
        func end(_ delivery: Delivery, _ effect: Result<Bool, any Error>) {
            state.withLock { $0.effects[delivery.recorded.position] = effect }
        }
    }

    /// Adds a deposit to the sum of its account, unless that has been done.
    @Sendable private static func add(_ delivery: Delivery, by inbox: Inbox) async throws -> Bool {
        try await inbox.once(delivery) { documents in
            let sums = try await documents.document(delivery.key.rawValue) ?? []
            try documents.set(sums + [UInt8(delivery.recorded.position.rawValue)], for: delivery.key.rawValue)
        }
    }

    @Test(
        "loses its keys to another, and its late answers and effects are refused", .timeLimit(.minutes(1)),
        arguments: TestStore.all)
    func late(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        for id in ["1", "2", "2"] { try await accounts.handle(.deposit(amount: 1), id: id) }
        let time = DrivenTime()
        let policy = ConsumerPolicy(
            lease: .seconds(10), deliveries: 9, backoff: .zero, handlerTimeout: .seconds(3600),
            pollInterval: .milliseconds(1))
        func group(_ models: any ReadModelStore) -> ConsumerGroup<AccountEvent> {
            ConsumerGroup("g", of: store, AccountEvent.self, in: models, policy: policy, time: time.source)
        }
        let inbox = Inbox("adder", model: "sums", in: store)
        let models = SleepingModels(store)
        let (late, timely) = (Diary(), Diary())
        let isAwake = Mutex(false)
        let former = Task { [group = group(models)] in
            try await group.run(as: "former") { delivery in
                late.begin(delivery)
                while !isAwake.withLock({ $0 }) { await Task.yield() }
                do { late.end(delivery, .success(try await Self.add(delivery, by: inbox))) } catch {
                    late.end(delivery, .failure(error))
                    throw error
                }
            }
        }
        try await eventually("it has the first event of each account in hand") { late.deliveries.count == 2 }
        models.fallAsleep()
        time.advance(by: .seconds(11))
        let group = group(store)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                try await group.run(as: "latter") { delivery in
                    timely.begin(delivery)
                    if delivery.recorded.position == 2 { throw ParkEvent("by hand") }
                    timely.end(delivery, .success(try await Self.add(delivery, by: inbox)))
                }
            }
            try await eventually("the second event is parked") { try await group.parked().map(\.position) == [2] }
            try await group.skip(2, reason: "a test")
            try await eventually("all is settled") { try await group.status().settled == 3 }
            tasks.cancelAll()
            try await tasks.waitForAll()
        }
        // Now the former member goes on, as if nothing had been.
        isAwake.withLock { $0 = true }
        try await eventually("it has tried its effects") { late.effects.count == 2 }
        models.wake()
        let error = await #expect(throws: ConsumerError.self) { try await former.value }
        guard case .refused(.leaseLost)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(late.deliveries.map(\.recorded.position).sorted() == [1, 2])
        #expect(timely.deliveries.map(\.recorded.position).sorted() == [1, 2, 3])
        #expect(late.deliveries.allSatisfy { $0.attempt == 1 })
        let fences = timely.deliveries.map(\.fence)
        #expect(late.deliveries.allSatisfy { $0.fence < fences.min() ?? 0 })
        // The one event was taken meanwhile; of the other's key a later one was.
        #expect(try late.effects[1]?.get() == false)
        let fenced = try #require(timely.deliveries.first { $0.recorded.position == 3 }).fence
        let own = try #require(late.deliveries.first { $0.recorded.position == 2 }).fence
        #expect(throws: InboxError.fenced(key: "account-2", fence: own, latest: fenced)) { try late.effects[2]?.get() }
        #expect(try await store.document("account-1", of: "sums") == [1])
        #expect(try await store.document("account-2", of: "sums") == [3])
        let status = try await group.status()
        #expect(status.settled == 3 && status.inFlight == 0 && status.members.isEmpty)
        #expect(try await group.skipped().map(\.position) == [2])
    }
}
