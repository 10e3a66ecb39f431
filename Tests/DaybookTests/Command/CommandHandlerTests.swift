import Daybook
import DaybookCore
import DaybookTesting
import Testing

typealias AccountError = CommandError<CashAccount.Rejection>

@Suite("A command handler")
struct CommandHandlerTests {
    private func accounts(
        in store: any EventStore, retry: RetryPolicy = .default, cache: StateCachePolicy = .default,
        clock: any Clock<Duration> = LeapingClock()
    ) -> CommandHandler<CashAccount> {
        CommandHandler(
            CashAccount.self, in: store, category: "account", retry: retry, cache: cache, clock: clock,
            randomness: SplitMix64(seed: 1))
    }

    @Test("records the decided events and says where", arguments: TestStore.all)
    func records(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        let first = try await handler.handle(.deposit(amount: 10), id: "1")
        let second = try await handler.handle(.withdraw(amount: 4), id: "1")
        #expect(first.stream == "account-1" && first.version == 0 && first.events == [.deposited(amount: 10)])
        #expect(second.version == 1 && second.position > first.position && !second.isRepeat)
        #expect(try await handler.state(of: "1").state.balance == 6)
        let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
        #expect(page.events.map(\.type) == ["account.deposited", "account.withdrawn"])
        #expect(page.events.map { Array($0.data) } == [Array(#"{"amount":10}"#.utf8), Array(#"{"amount":4}"#.utf8)])
    }

    @Test("passes on the domain's no, and records nothing", arguments: TestStore.all)
    func rejects(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        await #expect(throws: AccountError.rejected(.insufficientCash(requested: 1, available: 0))) {
            try await handler.handle(.withdraw(amount: 1), id: "1")
        }
        #expect(try await store.head() == .start)
    }

    @Test("records nothing for a command that has had its effect", arguments: TestStore.all)
    func nothing(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        let closed = try await handler.handle(.close, id: "1")
        let again = try await handler.handle(.close, id: "1")
        #expect(again.events.isEmpty && again.version == 0 && again.position == closed.position)
        #expect(again.recordedAt == nil && !again.isRepeat)
        #expect(try await store.head() == closed.position)
    }

    @Test("gives a repeated command its first receipt, also from another handler", arguments: TestStore.all)
    func repeats(_ store: TestStore) async throws {
        let store = try await store.make()
        let first = try await accounts(in: store).handle(.deposit(amount: 10), id: "1", commandID: "c1")
        let handler = accounts(in: store)
        try await handler.handle(.withdraw(amount: 10), id: "1")
        for handler in [handler, accounts(in: store), accounts(in: store, cache: .none)] {
            var again = try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c1")
            #expect(again.isRepeat)
            again.isRepeat = false
            #expect(again == first)
        }
        #expect(try await handler.state(of: "1").state == CashAccount.State(balance: 0, eventCount: 2))
    }

    @Test("does not say that a repeat was not recorded of which the receipt cannot be read", arguments: TestStore.all)
    func unreadableReceipt(_ store: TestStore) async throws {
        let store = try await store.make()
        try await accounts(in: store).handle(.deposit(amount: 10), id: "1", commandID: "c1")
        for reason: ReadError in [.cancelled, .storageFailed(reason: "a test")] {
            let handler = accounts(in: UnreadableLog(base: store, error: reason))
            let error = await #expect(throws: AccountError.self) {
                try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c1")
            }
            #expect(error?.mayBeRecorded == true)
        }
    }

    @Test("gives a repeat its receipt although the command would now be rejected", arguments: TestStore.all)
    func repeatOfImpossible(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 10), id: "1")
        let first = try await handler.handle(.withdraw(amount: 10), id: "1", commandID: "w")
        let again = try await handler.handle(.withdraw(amount: 10), id: "1", commandID: "w")
        #expect(again.isRepeat && again.events == first.events && again.version == first.version)
    }

    @Test("remembers a command that decided nothing", arguments: TestStore.all)
    func rememberedNothing(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await handler.handle(.close, id: "1")
        let first = try await handler.handle(.close, id: "1", commandID: "c")
        let again = try await accounts(in: store).handle(.close, id: "1", commandID: "c")
        #expect(first.events.isEmpty && first.version == 0 && first.recordedAt != nil)
        #expect(again.isRepeat && again.events.isEmpty && again.version == 0 && again.position == first.position)
    }

    @Test("refuses a command identifier that another subject used", arguments: TestStore.all)
    func reused(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c")
        await #expect(throws: AccountError.append(.commandReused(id: "c"))) {
            try await handler.handle(.deposit(amount: 10), id: "2", commandID: "c")
        }
        #expect(try await handler.state(of: "2").version == nil)
    }

    @Test("refuses a command identifier that decided nothing on another subject", arguments: TestStore.all)
    func reusedNothing(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        for id in ["1", "2"] { try await handler.handle(.close, id: id) }
        try await handler.handle(.close, id: "1", commandID: "c")
        for handler in [handler, accounts(in: store)] {
            await #expect(throws: AccountError.append(.commandReused(id: "c"))) {
                try await handler.handle(.close, id: "2", commandID: "c")
            }
            await #expect(throws: AccountError.append(.commandReused(id: "c"))) {
                try await handler.handle(.deposit(amount: 10), id: "3", commandID: "c")
            }
            #expect(try await handler.handle(.close, id: "1", commandID: "c").isRepeat)
        }
        #expect(try await store.state(of: "account-3").status == .missing)
    }

    @Test("answers by the receipt of a request without checks, as handlers left them before", arguments: TestStore.all)
    func olderReceipt(_ store: TestStore) async throws {
        let store = try await store.make()
        try await accounts(in: store).handle(.close, id: "1")
        try await store.append(AppendRequest(commandID: "c"))
        let again = try await accounts(in: store).handle(.close, id: "1", commandID: "c")
        #expect(again.isRepeat && again.events.isEmpty && again.version == 0)
    }

    @Test("does not double a command whose reply was lost", arguments: TestStore.all)
    func lostReply(_ store: TestStore) async throws {
        let lost = Countdown(1)
        let store = WatchedStore(
            try await store.make(),
            afterAppend: { _ throws(AppendError) in
                if lost.take() { throw .storageFailed(reason: "connection lost", mayBeWritten: true) }
            })
        let handler = accounts(in: store)
        do throws(AccountError) {
            try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c")
            Issue.record("the reply was not lost")
        } catch {
            #expect(error.mayBeRecorded)
        }
        let receipt = try await handler.handle(.deposit(amount: 10), id: "1", commandID: "c")
        #expect(receipt.isRepeat && receipt.events == [.deposited(amount: 10)] && receipt.version == 0)
        #expect(try await handler.state(of: "1").state.balance == 10)
    }

    @Test("decides again when another writer was first", arguments: TestStore.all)
    func conflict(_ store: TestStore) async throws {
        let base = try await store.make()
        let outsider = accounts(in: base)
        let rivals = Countdown(3)
        let store = WatchedStore(
            base,
            beforeAppend: { _ throws(AppendError) in
                if rivals.take() { _ = try? await outsider.handle(.deposit(amount: 1), id: "1") }
            })
        let clock = LeapingClock()
        let receipt = try await accounts(in: store, clock: clock).handle(.deposit(amount: 100), id: "1")
        #expect(receipt.version == 3)
        #expect(store.appends == 4)
        #expect(clock.sleeps.count == 3)
        #expect(try await outsider.state(of: "1").state.balance == 103)
    }

    @Test("gives up after the attempts that its policy allows", arguments: TestStore.all)
    func bounded(_ store: TestStore) async throws {
        let base = try await store.make()
        let outsider = accounts(in: base)
        let store = WatchedStore(
            base,
            beforeAppend: { _ throws(AppendError) in _ = try? await outsider.handle(.deposit(amount: 1), id: "1") })
        let clock = LeapingClock()
        let handler = accounts(in: store, retry: RetryPolicy(attempts: 5), clock: clock)
        await #expect(throws: AccountError.conflict(attempts: 5, stream: "account-1")) {
            try await handler.handle(.deposit(amount: 100), id: "1")
        }
        #expect(store.appends == 5)
        #expect(clock.sleeps.count == 4 && clock.sleeps.allSatisfy { $0 <= .milliseconds(100) })
        #expect(try await outsider.state(of: "1").state.balance == 5)
    }

    @Test("refuses identifiers that make no stream name")
    func invalidID() async throws {
        let handler = accounts(in: InMemoryEventStore())
        for id in [String(repeating: "x", count: 600), "a\nb"] {
            await #expect(throws: AccountError.self) { try await handler.handle(.close, id: id) }
            await #expect(throws: StateError.self) { try await handler.state(of: id) }
        }
    }

    @Test("does not decide on a stream that it cannot read", arguments: TestStore.all)
    func undecodable(_ store: TestStore) async throws {
        let store = try await store.make()
        try await store.append([NewEvent(type: "account.frozen", data: Array("{}".utf8))], to: "account-1")
        do throws(AccountError) {
            try await accounts(in: store).handle(.deposit(amount: 1), id: "1")
            Issue.record("decided on half a state")
        } catch {
            guard case .undecodable(let reason) = error else { throw error }
            #expect(reason.cause == .unknownType && reason.type == "account.frozen" && reason.version == 0)
        }
    }

    @Test("writes who and why into every event", arguments: TestStore.all)
    func context(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await CommandContext.with(actor: "clerk-7", reason: "by telephone") {
            try await CommandContext.with({ $0.additional["channel"] = "branch" }) {
                _ = try await handler.handle(.deposit(amount: 1), id: "1", commandID: "c1")
            }
        }
        try await handler.handle(.deposit(amount: 1), id: "1")
        let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
        let metadata = try page.events.map { try EventMetadata(decoding: $0.metadata) }
        #expect(
            metadata[0]
                == EventMetadata(
                    correlationID: "c1", causationID: "c1", actor: "clerk-7", reason: "by telephone",
                    additional: ["channel": "branch"]))
        #expect(metadata[1].correlationID != nil && metadata[1].actor == nil && metadata[1].causationID == nil)
    }

    @Test("carries out a batch as a whole, each command in its own context", arguments: TestStore.all)
    func batch(_ store: TestStore) async throws {
        let store = WatchedStore(try await store.make())
        let handler = accounts(in: store)
        let times = [Timestamp(microseconds: 1_000_000), Timestamp(microseconds: 2_000_000)]
        let receipt = try await CommandContext.with(actor: "import") {
            try await handler.handle(
                [
                    (.deposit(amount: 5), CommandContext(occurredAt: times[0])),
                    (.withdraw(amount: 5), CommandContext(occurredAt: times[1])),
                ], id: "1", commandID: "batch")
        }
        #expect(receipt.events == [.deposited(amount: 5), .withdrawn(amount: 5)] && receipt.version == 1)
        #expect(store.appends == 1)
        let page = try await store.readPage(of: "account-1", from: .start, direction: .forward, limit: 10)
        let metadata = try page.events.map { try EventMetadata(decoding: $0.metadata) }
        #expect(metadata.map(\.occurredAt) == times && metadata.allSatisfy { $0.actor == "import" })
        let again = try await accounts(in: store).handle(
            [.deposit(amount: 5), .withdraw(amount: 5)], id: "1", commandID: "batch")
        #expect(again.isRepeat && again.events == receipt.events)
        #expect(try await handler.state(of: "1").state.balance == 0)
    }

    @Test("carries out nothing of a batch with a rejected command, and names it", arguments: TestStore.all)
    func rejectedBatch(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 1), id: "1")
        await #expect(
            throws: AccountError.rejectedInBatch(.insufficientCash(requested: 9, available: 6), index: 1)
        ) {
            try await handler.handle([.deposit(amount: 5), .withdraw(amount: 9), .close], id: "1")
        }
        #expect(
            try await handler.state(of: "1")
                == VersionedState(.init(balance: 1, eventCount: 1), version: 0, position: 1))
        try await handler.handle(.withdraw(amount: 1), id: "1")
        #expect(try await handler.state(of: "1").state == CashAccount.State(balance: 0, eventCount: 2))
    }

    @Test("waits longer and longer, within its bounds", arguments: TestSeeds.first(20))
    func delays(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let policy = RetryPolicy(attempts: 50, base: .milliseconds(2), ceiling: .milliseconds(64))
        for attempt in 1...100 {
            let bound = min(.milliseconds(64), .milliseconds(2) * (1 << min(attempt - 1, 20)))
            let delay = policy.delay(after: attempt, using: &generator)
            #expect(delay >= .zero && delay <= bound, "seed \(seed)")
        }
        #expect(policy.delay(after: .min, using: &generator) <= .milliseconds(2))
    }

    /// The account of these tests, each event of which is found by its account.
    private enum TaggedAccount: Decider {
        static let initialState = CashAccount.initialState
        static func tags(ofSubject id: String) -> [DaybookCore.Tag] { [TagKey<String>("account")(id)] }
        static func decide(
            _ command: CashAccount.Command, in state: CashAccount.State
        ) throws(CashAccount.Rejection) -> [AccountEvent] { try CashAccount.decide(command, in: state) }
        static func evolve(_ state: inout CashAccount.State, with event: AccountEvent) {
            CashAccount.evolve(&state, with: event)
        }
    }

    @Test("gives every event of a subject the subject's tags", arguments: TestStore.all)
    func subjectTags(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(TaggedAccount.self, in: store, category: "account")
        try await handler.handle(.deposit(amount: 1), id: "1")
        try await handler.handle([.deposit(amount: 2), .withdraw(amount: 1)], id: "2")
        let page = try await store.readPage(
            from: .start, direction: .forward, filter: EventFilter(tags: ["account:2"]), limit: 10)
        #expect(page.events.map(\.position) == [2, 3])
    }

    /// Says as much as it is asked to.
    private enum Talker: Decider {
        enum Event: DomainEvent {
            case said(Int)
            static let typePrefix = "talker"
        }
        enum Rejection: Error { case never }
        static let initialState = 0
        static func decide(_ command: Int, in state: Int) throws(Rejection) -> [Event] {
            (0..<command).map { .said($0) }
        }
        static func evolve(_ state: inout Int, with event: Event) { state += 1 }
    }

    @Test("records no event, or as many as an append takes, and refuses more as a whole", arguments: TestStore.all)
    func manyEvents(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = CommandHandler(Talker.self, in: store, category: "talker")
        #expect(try await handler.handle(0, id: "1").events.isEmpty)
        for _ in 0..<2 {
            let error = await #expect(throws: CommandError<Talker.Rejection>.self) {
                try await handler.handle(20_000, id: "1", commandID: "much")
            }
            guard case .append(.invalid(.tooManyEvents(20_000)))? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.mayBeRecorded == false)
        }
        #expect(try await store.head() == .start)
        #expect(try await handler.handle(Limits.eventsPerAppend, id: "1").version == StreamVersion(9_999))
        #expect(try await handler.state(of: "1").state == 10_000)
    }
}
