import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("Recorded commands that are decided again")
struct DecisionReplayTests {
    /// The account of these tests, of which a hundred must stay.
    enum CarefulAccount: Decider {
        static let initialState = CashAccount.initialState

        static func decide(
            _ command: CashAccount.Command, in state: CashAccount.State
        ) throws(CashAccount.Rejection) -> [AccountEvent] {
            if case .withdraw(let amount) = command, amount > state.balance - 100 {
                throw .insufficientCash(requested: amount, available: max(0, state.balance - 100))
            }
            if case .deposit(let amount) = command, amount > 1_000 { return [.deposited(amount: 1_000)] }
            return try CashAccount.decide(command, in: state)
        }

        static func evolve(_ state: inout CashAccount.State, with event: AccountEvent) {
            CashAccount.evolve(&state, with: event)
        }
    }

    private func accounts(in store: any EventStore) -> CommandHandler<CashAccount> {
        CommandHandler(CashAccount.self, in: store, category: "account", recording: .all)
    }

    @Test(
        "come out as they did under the rules that they were decided by", arguments: TestStore.all, TestSeeds.first(5))
    func sameRules(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make.make()
        var random = SplitMix64(seed: seed)
        let accounts = accounts(in: store)
        var given = 0
        for _ in 0..<60 {
            let id = "\(Int.random(in: 0..<3, using: &random))"
            let commands = (0..<Int.random(in: 1...3, using: &random)).map { _ -> CashAccount.Command in
                let amount = Int.random(in: 1...20, using: &random)
                return random.oneIn(30)
                    ? .close : random.oneIn(2) ? .withdraw(amount: amount) : .deposit(amount: amount)
            }
            let isBatch = Bool.random(using: &random)
            do {
                if isBatch {
                    try await accounts.handle(commands, id: id)
                } else {
                    try await accounts.handle(commands[0], id: id)
                }
                given += isBatch ? commands.count : 1
            } catch {
                if case .rejected = error { given += 1 }
            }
            if random.oneIn(20) { _ = try? await store.delete(StreamName(unchecked: "account-\(id)")) }
        }
        let report = try await DecisionReplay(CashAccount.self, of: "account", in: store).run()
        #expect(report.commandCount == given && report.differenceCount == 0, "seed \(seed)")
    }

    @Test("come out as the new rules say, on the history as it was", arguments: TestStore.all)
    func newRules(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make.make(time: time.source)
        let accounts = accounts(in: store)
        try await accounts.handle(.deposit(amount: 150), id: "1")
        try await accounts.handle(.withdraw(amount: 60), id: "1")
        let yesterday = time.now
        time.advance(by: .seconds(86_400))
        try await accounts.handle(.deposit(amount: 5_000), id: "1")
        try await accounts.handle(.withdraw(amount: 5_000), id: "1")
        _ = try? await accounts.handle(.withdraw(amount: 5_000), id: "1")
        try await accounts.handle([.deposit(amount: 20), .withdraw(amount: 30), .close], id: "1")
        let replay = DecisionReplay(CarefulAccount.self, of: "account", in: store)
        let report = try await replay.run()
        #expect(report.commandCount == 8)
        #expect(report.counts == [.nowRejected: 3, .otherEvents: 1, .otherReason: 1])
        #expect(
            report.differences.map(\.command) == [
                .withdraw(amount: 60), .deposit(amount: 5_000), .withdraw(amount: 5_000), .withdraw(amount: 5_000),
                .withdraw(amount: 30),
            ])
        let first = try #require(report.differences.first)
        #expect(first.id == "1" && first.recorded == .events([.withdrawn(amount: 60)]))
        #expect(first.replayed == .rejected("insufficientCash(requested: 60, available: 50)"))
        #expect(report.differences[1].replayed == .events([.deposited(amount: 1_000)]))
        #expect(report.differences[4].recorded == .events([.withdrawn(amount: 30)]))
        let today = try await replay.run(after: .time(yesterday), keepingFirst: 1)
        #expect(today.commandCount == 6 && today.differenceCount == 4 && today.differences.count == 1)
        let before = try await replay.run(through: .time(yesterday))
        #expect(before.commandCount == 2 && before.differenceCount == 1)
    }

    @Test("stop where the log is not what they were decided on", arguments: TestStore.all)
    func otherHistory(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle(.deposit(amount: 10), id: "1")
        // A record that does not fit: something else wrote it.
        let record = try JSONEventCodec<CommandRecord<CashAccount.Command>>()
            .encode(.carriedOut(command: .close, after: 7, events: 1))
        try await store.append([NewEvent(record)], to: "account_commands-1")
        let replay = DecisionReplay(CashAccount.self, of: "account", in: store)
        await #expect(
            throws: DecisionReplayError.otherHistory(
                record: "account_commands-1", position: 3, decidedAfter: 7, found: 0)
        ) { try await replay.run() }
        #expect(try await replay.run(after: .position(3)).commandCount == 0)
    }

    @Test("are not decided on a state that retention had hidden", arguments: TestStore.all)
    func hidden(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle([.deposit(amount: 1), .deposit(amount: 2), .deposit(amount: 4)], id: "1")
        try await store.setRetention(Retention(maxCount: 1), of: "account-1")
        let position = try await store.head()
        try await accounts.handle(.deposit(amount: 8), id: "1")
        let replay = DecisionReplay(CashAccount.self, of: "account", in: store)
        #expect(try await replay.run(through: .position(position)).commandCount == 3)
        await #expect(
            throws: DecisionReplayError.hiddenHistory(record: "account_commands-1", position: position.next)
        ) { try await replay.run() }
        try await store.setRetention(.unlimited, of: "account-1")
        let lifted = try await store.head()
        try await accounts.handle(.withdraw(amount: 15), id: "1")
        #expect(try await replay.run(after: .position(lifted)).differenceCount == 0)
    }

    @Test("are not decided on what retention hides of a subject that was begun anew", arguments: TestStore.all)
    func hiddenAnew(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = accounts(in: store)
        try await accounts.handle(.deposit(amount: 1), id: "1")
        try await store.setRetention(Retention(maxCount: 1), of: "account-1")
        try await store.delete("account-1")
        let deletion = try await store.head()
        try await accounts.handle([.deposit(amount: 2), .deposit(amount: 4)], id: "1")
        let replay = DecisionReplay(CashAccount.self, of: "account", in: store)
        await #expect(
            throws: DecisionReplayError.hiddenHistory(record: "account_commands-1", position: deletion.next)
        ) { try await replay.run(after: .position(deletion)) }
    }

    @Test("are those after a moment between the records of one append", arguments: TestStore.all)
    func between(_ make: TestStore) async throws {
        let store = try await make.make()
        try await accounts(in: store).handle([.deposit(amount: 1), .deposit(amount: 2)], id: "1")
        let report = try await DecisionReplay(CashAccount.self, of: "account", in: store).run(after: .position(1))
        #expect(report.commandCount == 1 && report.differenceCount == 0)
    }
}
