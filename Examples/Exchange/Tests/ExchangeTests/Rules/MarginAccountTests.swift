import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("A cash account under a margin rule")
struct MarginAccountTests {
    private let half: Margin
    private let funded = Scenario(MarginAccount.self).given(.deposited(amount: 101))

    init() throws { half = try #require(Margin(percent: 50)) }

    @Test("lets an order hold so much of what is available, and no more")
    func limits() {
        funded.when(.init(.hold(50, for: 1), under: half)).then(.held(amount: 50, order: 1))
        funded.when(.init(.hold(51, for: 1), under: half))
            .thenRejected(.beyondMargin(requested: 51, allowed: 50, available: 101, margin: half))
        funded.given(.held(amount: 50, order: 1)).when(.init(.hold(26, for: 2), under: half))
            .thenRejected(.beyondMargin(requested: 26, allowed: 25, available: 51, margin: half))
    }

    @Test("is a cash account in all else")
    func same() {
        funded.when(.init(.withdraw(101), under: half)).then(.withdrawn(amount: 101))
        funded.when(.init(.hold(102, for: 1), under: half))
            .thenRejected(.account(.insufficientCash(requested: 102, available: 101)))
        funded.when(.init(.hold(0, for: 1), under: half)).thenRejected(.account(.amountOutOfBounds(0)))
        funded.given(.held(amount: 100, order: 1)).when(.init(.hold(100, for: 1), under: half)).thenNothing()
    }

    @Test("reckons shares of any amount", arguments: [1, 50, 99, 100])
    func shares(percent: Int) throws {
        let margin = try #require(Margin(percent: percent))
        for amount in [0, 1, 99, 100, 101, 12_345, Int64.max] {
            let product = amount.multipliedFullWidth(by: Int64(percent))
            let expected = Int64(100).dividingFullWidth(product).quotient
            #expect(margin.share(of: Money(amount)) == Money(expected), "\(amount)")
        }
        #expect(Margin(percent: 0) == nil && Margin(percent: 101) == nil)
    }

    @Test(
        "decides a recorded day again: nothing changes at 100 %, and at less what its rule says",
        arguments: TestStore.all)
    func replay(_ make: TestStore) async throws {
        let store = try await make()
        let accounts = CommandHandler(CashAccount.self, in: store, category: CashAccount.category, recording: .all)
        try await accounts.handle(.deposit(1_000), id: "A")
        try await accounts.handle([.hold(600, for: 1), .hold(100, for: 2), .releaseAll(for: 1)], id: "A")
        _ = try? await accounts.handle(.hold(5_000, for: 3), id: "A")
        try await accounts.handle(.hold(451, for: 4), id: "A")
        let all = try await MarginAccount.replay(under: try #require(Margin(percent: 100)), in: store).run()
        #expect(all.commandCount == 6 && all.differenceCount == 0)
        let report = try await MarginAccount.replay(under: half, in: store).run()
        #expect(report.counts == [.nowRejected: 2])
        #expect(report.differences.map(\.command.command) == [.hold(600, for: 1), .hold(451, for: 4)])
        #expect(report.differences.map(\.id) == ["A", "A"])
        #expect(
            report.differences.last?.replayed
                == .rejected(
                    "0.0451 dollars are asked for, and an order may hold 0.0450: 50 % of the 0.09 that are available."))
        #expect(try await store.head() == Position(6 + 5), "A replay records nothing")
    }

    @Test("decides a whole simulated day as it was decided then", arguments: TestStore.all)
    func day(_ make: TestStore) async throws {
        let store = try await make()
        var configuration = OrderFlow.Configuration()
        configuration.orders = 1_500
        configuration.traders = 12
        configuration.openingCash = .dollars(2_000_000)
        var flow = OrderFlow(configuration)
        let floor = TradingFloor(in: store, snapshots: store, recording: .carriedOut)
        try await floor.record(&flow)
        await floor.cash.finishSnapshots()
        let all = try await MarginAccount.replay(under: try #require(Margin(percent: 100)), in: store).run()
        #expect(all.commandCount > 1_000 && all.differenceCount == 0)
        let margin = try #require(Margin(percent: 5))
        let report = try await MarginAccount.replay(under: margin, in: store).run()
        // The same question asked of the events: what each hold took of what was available before it.
        var expected = 0
        var accounts: [StreamName: CashAccount.State] = [:]
        let reader = CashAccount.Event.makeReader()
        for try await recorded in store.events(filter: EventFilter(categories: [CashAccount.category])) {
            for event in try reader.decode(recorded) {
                var account = accounts[recorded.stream] ?? CashAccount.initialState
                if case .held(let amount, _) = event, amount > margin.share(of: account.available) { expected += 1 }
                CashAccount.evolve(&account, with: event)
                accounts[recorded.stream] = account
            }
        }
        #expect(report.counts == [.nowRejected: expected] && expected > 0)
        // A floor with nothing in memory begins from the snapshots, and has the same accounts.
        let opened = TradingFloor(in: store, snapshots: store)
        for (account, cash, _) in flow.accounts() {
            #expect(try await opened.cash.state(of: account.rawValue).state == cash)
        }
    }
}
