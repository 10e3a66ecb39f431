import Daybook
import DaybookCore
import DaybookTesting
import Testing

@Suite("The difference of two moments")
struct DifferenceTests {
    @Test("of a subject is two states and the events between", arguments: TestStore.all)
    func ofState(_ make: TestStore) async throws {
        let store = try await make.make()
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        for amount in 1...2_500 { try await accounts.handle(.deposit(amount: amount % 7), id: "1") }
        try await accounts.handle(.withdraw(amount: 3), id: "1")
        let difference = try await accounts.difference(of: "1", from: .version(2), to: .version(4))
        #expect(difference.before.state.balance == 6 && difference.after.state.balance == 15)
        #expect(difference.steps.map(\.recorded.version) == [3, 4])
        #expect(difference.steps.flatMap(\.events) == [.deposited(amount: 4), .deposited(amount: 5)])
        let whole = try await accounts.difference(of: "1", from: .position(.start))
        #expect(whole.before.version == nil && whole.steps.count == 2_501)
        #expect(whole.steps.last?.events == [.withdrawn(amount: 3)])
        #expect(try await accounts.difference(of: "1", from: .latest, to: .version(3)).steps.isEmpty)
        #expect(try await accounts.difference(of: "2", from: .version(0)).steps.isEmpty)
    }

    @Test("of a whole log is the streams that were written", arguments: TestStore.all)
    func ofLog(_ make: TestStore) async throws {
        let time = DrivenTime()
        let store = try await make.make(time: time.source)
        let accounts = CommandHandler(CashAccount.self, in: store, category: "account")
        try await accounts.handle(.deposit(amount: 10), id: "1")
        let evening = time.now
        time.advance(by: .seconds(3600))
        try await accounts.handle(.deposit(amount: 10), id: "2")
        try await accounts.handle([.withdraw(amount: 1), .deposit(amount: 2), .close], id: "1")
        let morning = time.now
        time.advance(by: .seconds(3600))
        try await accounts.handle(.close, id: "2")
        let night = try await LogDifference(of: store, from: .time(evening), to: .time(morning))
        #expect(
            night.streams == [
                .init(stream: "account-2", versions: 0...0, eventCounts: ["account.deposited": 1]),
                .init(
                    stream: "account-1", versions: 1...3,
                    eventCounts: ["account.withdrawn": 1, "account.deposited": 1, "account.closed": 1]),
            ])
        #expect(night.positions == 2...5)
        #expect(try await LogDifference(of: store, from: .position(5)).eventCounts == ["account.closed": 1])
        #expect(try await LogDifference(of: store, from: .position(2), to: .position(3)).streams.count == 1)
        #expect(try await LogDifference(of: store, from: .latest).positions == nil)
    }
}
