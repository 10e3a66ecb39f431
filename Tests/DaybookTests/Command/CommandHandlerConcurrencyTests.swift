import Daybook
import DaybookCore
import Testing

@Suite("Many tasks on command handlers")
struct CommandHandlerConcurrencyTests {
    private func accounts(in store: any EventStore, attempts: Int = 10) -> CommandHandler<CashAccount> {
        CommandHandler(
            CashAccount.self, in: store, category: "account", retry: RetryPolicy(attempts: attempts),
            clock: LeapingClock())
    }

    @Test("of one subject do not conflict within a handler", arguments: TestStore.all)
    func oneSubject(_ store: TestStore) async throws {
        let store = WatchedStore(try await store.make())
        let handler = accounts(in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    for _ in 0..<10 { try await handler.handle(.deposit(amount: 1), id: "1") }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await handler.state(of: "1").state.balance == 320)
        #expect(store.appends == 320)
    }

    @Test("of many subjects each get what they asked for", arguments: TestStore.all)
    func manySubjects(_ store: TestStore) async throws {
        let store = try await store.make()
        let handler = accounts(in: store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<32 {
                group.addTask {
                    for round in 0..<10 {
                        try await handler.handle(.deposit(amount: round), id: "\((task + round) % 7)")
                    }
                }
            }
            try await group.waitForAll()
        }
        var sum = 0
        for id in 0..<7 { sum += try await handler.state(of: "\(id)").state.balance }
        #expect(sum == 32 * 45)
    }

    @Test("of one subject on two handlers lose nothing", arguments: TestStore.all)
    func twoHandlers(_ store: TestStore) async throws {
        let store = try await store.make()
        let handlers = [accounts(in: store, attempts: 1000), accounts(in: store, attempts: 1000)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<20 { try await handlers[task % 2].handle(.deposit(amount: 1), id: "1") }
                }
            }
            try await group.waitForAll()
        }
        for handler in handlers { #expect(try await handler.state(of: "1").state.balance == 160) }
    }

    @Test("with one command identifier have one effect and one receipt", arguments: TestStore.all)
    func oneCommand(_ store: TestStore) async throws {
        let store = try await store.make()
        for round in 0..<20 {
            let id = "\(round)"
            let handlers = (0..<4).map { _ in accounts(in: store) }
            let command = CommandID(unchecked: "c\(round)")
            let receipts = try await withThrowingTaskGroup(of: CommandReceipt<AccountEvent>.self) { group in
                for task in 0..<16 {
                    // Half of them decide on another state, since a deposit comes in between.
                    group.addTask {
                        if task == 3 { _ = try? await handlers[3].handle(.deposit(amount: 1), id: id) }
                        return try await handlers[task % 4].handle(.close, id: id, commandID: command)
                    }
                }
                var receipts: [CommandReceipt<AccountEvent>] = []
                while let receipt = try await group.next() { receipts.append(receipt) }
                return receipts
            }
            #expect(receipts.filter { !$0.isRepeat }.count == 1)
            #expect(Set(receipts.map(\.position)).count == 1)
            #expect(receipts.allSatisfy { $0.events == [.closed] })
        }
    }

    @Test("get the first receipt when another decided otherwise meanwhile", arguments: TestStore.all)
    func reusedInRace(_ store: TestStore) async throws {
        let base = try await store.make()
        let rival = accounts(in: base)
        let first = Countdown(1)
        let store = WatchedStore(
            base,
            beforeAppend: { _ throws(AppendError) in
                if first.take() { _ = try? await rival.handle(.deposit(amount: 7), id: "1", commandID: "c") }
            })
        let receipt = try await accounts(in: store).handle(.deposit(amount: 8), id: "1", commandID: "c")
        #expect(receipt.isRepeat && receipt.events == [.deposited(amount: 7)])
        #expect(try await rival.state(of: "1").state.balance == 7)
    }

    @Test("that are cancelled while they wait for their turn record nothing", arguments: TestStore.all)
    func cancelled(_ store: TestStore) async throws {
        let (entered, enter) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        let first = Countdown(1)
        let store = WatchedStore(
            try await store.make(),
            beforeAppend: { _ throws(AppendError) in
                guard first.take() else { return }
                enter.yield()
                for await _ in released { break }
            })
        let handler = accounts(in: store)
        let holder = Task { try await handler.handle(.deposit(amount: 1), id: "1") }
        for await _ in entered { break }
        let waiter = Task {
            _ = try await handler.handle(.deposit(amount: 2), id: "1")
        }
        waiter.cancel()
        await #expect(throws: AccountError.cancelled(mayBeRecorded: false)) { try await waiter.value }
        release.yield()
        _ = try await holder.value
        try await handler.handle(.deposit(amount: 4), id: "1")
        #expect(try await handler.state(of: "1").state.balance == 5)
    }

    @Test("that are cancelled while they write can learn the result", arguments: TestStore.all)
    func cancelledWrite(_ store: TestStore) async throws {
        let lost = Countdown(1)
        let store = WatchedStore(
            try await store.make(),
            afterAppend: { _ throws(AppendError) in if lost.take() { throw .cancelled(mayBeWritten: true) } })
        let handler = accounts(in: store)
        await #expect(throws: AccountError.cancelled(mayBeRecorded: true)) {
            try await handler.handle(.deposit(amount: 1), id: "1", commandID: "c")
        }
        #expect(try await handler.handle(.deposit(amount: 1), id: "1", commandID: "c").isRepeat)
        #expect(try await handler.state(of: "1").state.balance == 1)
    }
}
