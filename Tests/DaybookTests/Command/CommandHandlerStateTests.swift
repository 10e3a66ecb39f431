import Daybook
import DaybookCore
import DaybookTesting
import Synchronization
import Testing

@Suite("The state of a subject")
struct CommandHandlerStateTests {
    private func accounts(
        in store: any EventStore, cache: StateCachePolicy = .default
    ) -> CommandHandler<CashAccount> {
        CommandHandler(CashAccount.self, in: store, category: "account", cache: cache, clock: LeapingClock())
    }

    private func events(of stream: StreamName, in store: any EventStore) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        for try await event in store.events(of: stream) { events.append(event) }
        return events
    }

    private func folded(_ events: some Sequence<RecordedEvent>) throws -> VersionedState<CashAccount.State> {
        let codec = JSONEventCodec<AccountEvent>()
        return try events.reduce(into: VersionedState(CashAccount.initialState)) { state, event in
            for event in try codec.decode(event) { CashAccount.evolve(&state.state, with: event) }
            state.version = event.version
            state.position = event.position
        }
    }

    @Test("at every moment is the fold of the events up to it", arguments: TestStore.all, TestSeeds.first(5))
    func asOf(_ make: TestStore, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let now = Mutex(Timestamp(microseconds: 1_000_000))
        let store = try await make.make(time: TimeSource { now.withLock { $0 } })
        let handler = accounts(in: store)
        for _ in 0..<60 {
            now.withLock { $0 = $0.advanced(by: .microseconds(Int.random(in: 0...2, using: &generator))) }
            _ = try await handler.handle(
                .deposit(amount: .random(in: 1...9, using: &generator)),
                id: "\(Int.random(in: 1...2, using: &generator))")
        }
        let all = try await events(of: "account-1", in: store)
        for version in -1...Int64(all.count + 1) {
            let moment = Moment.version(StreamVersion(version))
            let expected = try folded(all.filter { $0.version.rawValue <= version })
            #expect(try await handler.state(of: "1", asOf: moment) == expected, "seed \(seed), \(moment)")
        }
        for position in Int64(0)...61 {
            let moment = Moment.position(Position(position))
            let expected = try folded(all.filter { $0.position.rawValue <= position })
            #expect(try await handler.state(of: "1", asOf: moment) == expected, "seed \(seed), \(moment)")
        }
        for microseconds in Int64(999_999)...1_000_121 {
            let time = Timestamp(microseconds: microseconds)
            let expected = try folded(all.filter { $0.recordedAt <= time })
            #expect(try await handler.state(of: "1", asOf: .time(time)) == expected, "seed \(seed), \(time)")
        }
        #expect(try await handler.state(of: "1") == folded(all))
        #expect(try await accounts(in: store, cache: .none).state(of: "1") == folded(all))
    }

    @Test("of a subject without events is the first", arguments: TestStore.all)
    func missing(_ store: TestStore) async throws {
        let handler = accounts(in: try await store.make())
        #expect(try await handler.state(of: "1") == VersionedState(CashAccount.initialState))
        #expect(try await handler.state(of: "1", asOf: .version(3)) == VersionedState(CashAccount.initialState))
    }

    @Test("is read over many pages", arguments: TestStore.all)
    func manyPages(_ store: TestStore) async throws {
        let store = try await store.make()
        let deposits = [CashAccount.Command](repeating: .deposit(amount: 1), count: 2500)
        try await accounts(in: store).handle(deposits, id: "1")
        let handler = accounts(in: store)
        #expect(try await handler.state(of: "1").state.balance == 2500)
        #expect(try await handler.state(of: "1", asOf: .version(1500)).state.balance == 1501)
        #expect(try await handler.handle(.withdraw(amount: 2500), id: "1").version == 2500)
    }

    @Test("is kept, so that a command reads nothing", arguments: TestStore.all)
    func cached(_ store: TestStore) async throws {
        let store = WatchedStore(try await store.make())
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 1), id: "1")
        let reads = store.reads
        for _ in 0..<10 { try await handler.handle(.deposit(amount: 1), id: "1") }
        #expect(store.reads == reads)
    }

    @Test("that is kept follows an outside writer", arguments: TestStore.all, TestSeeds.first(5))
    func outsideWriter(_ store: TestStore, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let store = try await store.make()
        let handlers = [
            accounts(in: store), accounts(in: store, cache: .entries(2)), accounts(in: store, cache: .none),
        ]
        var model: [String: CashAccount.State] = [:]
        for step in 0..<300 {
            let id = "\(Int.random(in: 0..<5, using: &generator))"
            let amount = Int.random(in: 1...10, using: &generator)
            let command: CashAccount.Command =
                switch Int.random(in: 0..<20, using: &generator) {
                case 0: .close
                case 1..<12: .withdraw(amount: amount)
                default: .deposit(amount: amount)
                }
            var expected = model[id] ?? CashAccount.initialState
            let decided: Result<[AccountEvent], CashAccount.Rejection>
            do throws(CashAccount.Rejection) {
                decided = .success(try CashAccount.decide(command, in: expected))
            } catch {
                decided = .failure(error)
            }
            if Int.random(in: 0..<15, using: &generator) == 0, model[id] != nil {  // Someone deletes the stream.
                _ = try await store.delete(StreamName("account-\(id)"))
                model[id] = nil
                continue
            }
            let handler = handlers.randomElement(using: &generator) ?? handlers[0]
            do throws(AccountError) {
                let receipt = try await handler.handle(command, id: id)
                #expect(decided == .success(receipt.events), "seed \(seed), step \(step)")
            } catch {
                guard case .rejected(let rejection) = error else { throw error }
                #expect(decided == .failure(rejection), "seed \(seed), step \(step)")
            }
            for event in (try? decided.get()) ?? [] {
                CashAccount.evolve(&expected, with: event)
                model[id] = expected
            }
            for handler in handlers {
                let state = try await handler.state(of: id).state
                #expect(state == model[id] ?? CashAccount.initialState, "seed \(seed), step \(step)")
            }
        }
    }

    @Test("that is kept is not trusted after the stream was deleted", arguments: TestStore.all)
    func deleted(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 10), id: "1")
        try await store.delete("account-1" as StreamName)
        await #expect(throws: AccountError.rejected(.insufficientCash(requested: 10, available: 0))) {
            try await handler.handle(.withdraw(amount: 10), id: "1")
        }
        #expect(try await handler.state(of: "1").version == nil)
        let receipt = try await handler.handle(.deposit(amount: 3), id: "1")
        #expect(receipt.version == 1)
        #expect(try await handler.state(of: "1").state == CashAccount.State(balance: 3, eventCount: 1))
    }

    @Test(
        "is read again when the stream was deleted, or its retention set, before the append", arguments: TestStore.all)
    func changedMeanwhile(_ make: TestStore) async throws {
        let rows: [(change: StreamWrite.Action, available: Int)] = [
            (.delete, 0), (.setRetention(Retention(maxCount: 1)), 5),
        ]
        for (change, available) in rows {
            let base = try await make.make()
            for _ in 0..<2 { try await accounts(in: base).handle(.deposit(amount: 5), id: "1") }
            let changes = Countdown(1)
            let store = WatchedStore(
                base,
                beforeAppend: { _ throws(AppendError) in
                    guard changes.take() else { return }
                    try await base.append(
                        AppendRequest(writes: [StreamWrite(stream: "account-1", action: change)]))
                })
            let handler = accounts(in: store)
            await #expect(throws: AccountError.rejected(.insufficientCash(requested: 10, available: available))) {
                try await handler.handle(.withdraw(amount: 10), id: "1")
            }
            #expect(store.appends == 1)
            #expect(try await handler.state(of: "1").state.balance == available)
        }
    }

    @Test("of a stream with a retention is read once for each command", arguments: TestStore.all)
    func retained(_ store: TestStore) async throws {
        let store = WatchedStore(try await store.make())
        let handler = accounts(in: store)
        try await handler.handle(.deposit(amount: 1), id: "1")
        try await store.setRetention(Retention(maxCount: 1), of: "account-1")
        try await handler.handle(.deposit(amount: 1), id: "1")
        let (reads, appends) = (store.reads, store.appends)
        for _ in 0..<5 { try await handler.handle(.deposit(amount: 1), id: "1") }
        #expect(store.reads == reads + 5 && store.appends == appends + 5)
        #expect(try await handler.state(of: "1").state.balance == 1)
    }
}
