import Daybook
import DaybookCore
import Exchange
import Testing

@Suite("Trading bonds")
struct BondTradingTests {
    private func configuration(seed: UInt64) -> OrderFlow.Configuration {
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = 1_500
        configuration.traders = 12
        configuration.arrivalsPerRound = 60
        configuration.listings = [.examples[0], .bondExample]
        return configuration
    }

    @Test(
        "keeps all cash and all bonds, and holds for each order to buy its price and its interest", arguments: seeds(6))
    func conserves(seed: UInt64) throws {
        let configuration = configuration(seed: seed)
        var flow = OrderFlow(configuration)
        while try flow.nextRound() != nil {}
        let accounts = flow.accounts()
        let cash = accounts.reduce(Money.zero) { $0 + $1.cash.total }
        #expect(cash == configuration.openingCash * Int64(configuration.traders), "seed \(seed)")
        let bonds = accounts.reduce(0) { $0 + $1.holdings.total(of: MapleBond.symbol) }
        #expect(bonds == configuration.openingShares * Int64(configuration.traders), "seed \(seed)")

        let book = try #require(flow.book(of: MapleBond.symbol))
        #expect(book.executions > 20, "seed \(seed)")
        #expect(book.accrual?.amount == 69_444)
        for order in book.orderIDs.compactMap(book.order) where order.side == .buy {
            let account = try #require(accounts.first { $0.account == order.account })
            let needed = order.price * order.remaining + Money(69_444 * order.remaining)
            #expect(account.cash.holds[order.id] == needed, "seed \(seed), order \(order.id)")
        }
    }

    @Test("is recorded as the flow has it, with interest that is paid as it is received", arguments: StoreKind.allCases)
    func records(kind: StoreKind) async throws {
        try await kind.withStore { store in
            var flow = OrderFlow(configuration(seed: 4))
            let floor = TradingFloor(in: store)
            try await floor.record(&flow)
            for (account, cash, holdings) in flow.accounts() {
                #expect(try await floor.cash.state(of: account.rawValue).state == cash)
                #expect(try await floor.holdings.state(of: account.rawValue).state == holdings)
            }
            var accrued: [ExecutionID: Money] = [:]
            var paid: [ExecutionID: Money] = [:]
            var received: [ExecutionID: Money] = [:]
            let books = JSONEventCodec<OrderBook.Event>()
            let accounts = JSONEventCodec<CashAccount.Event>()
            for try await event in store.events(filter: EventFilter(types: ["book.interestAccrued"])) {
                for case .interestAccrued(let execution, _, _, _, _, _, _, _, let amount) in try books.decode(event) {
                    accrued[execution] = amount
                }
            }
            for try await event in store.events(filter: EventFilter(typePrefixes: ["cash.interest"])) {
                for event in try accounts.decode(event) {
                    if case .interestPaid(let amount, _, let execution) = event { paid[execution] = amount }
                    if case .interestReceived(let amount, _, let execution) = event { received[execution] = amount }
                }
            }
            #expect(accrued.count > 20)
            #expect(paid == accrued)
            #expect(received == accrued)
        }
    }

    @Test("tells of the interest in the story of an order")
    func story() async throws {
        let store = InMemoryEventStore()
        let floor = TradingFloor(in: store)
        let session = BondSession(floor: floor, store: store)
        try await session.open("2026-01-05", cash: ["BUYER": .dollars(10_000)], bonds: ["SELLER": 10])
        try await session.trade(4, at: 9_850_000, from: "SELLER", to: "BUYER", orders: (1, 2))
        let story = try await OrderStory(of: 2, in: store)
        let steps = story.steps.map(\.what)
        #expect(
            steps.prefix(4) == [
                "held 3967.7776 in cash", "submitted: buy 4 at 985.00, to trade at once",
                "executed 4 at 985.00 against resting order 1 (MAPLE31#1)",
                "accrued interest of 27.7776 on 4 from 2025-11-15 to 2026-01-05 (MAPLE31#1)",
            ])
        // Cash and holdings are settled beside each other, in either order.
        let (paid, received) = (
            ["paid 3940.00 (MAPLE31#1)", "paid 27.7776 of interest (MAPLE31#1)"], "received 4 MAPLE31 (MAPLE31#1)"
        )
        #expect(steps.dropFirst(4).filter { $0 != received } == paid)
        #expect(steps.count == 7 && steps.contains(received))
        let buyer = try await floor.cash.state(of: "BUYER").state
        #expect(buyer.available == Money(60_322_224))  // 10,000 - 4 × (985.0000 + 6.9444) dollars
        #expect(buyer.holds.isEmpty)
        let seller = try await floor.cash.state(of: "SELLER").state
        #expect(seller.available == Money(39_677_776))
    }

    @Test("gives the interest back with what an order is reduced by, or deleted with")
    func givesBack() async throws {
        let store = InMemoryEventStore()
        let floor = TradingFloor(in: store)
        let session = BondSession(floor: floor, store: store)
        try await session.open("2026-01-05", cash: ["BUYER": .dollars(10_000)], bonds: ["SELLER": 10])
        try await session.submit(
            NewOrder(id: 1, account: "BUYER", side: .buy, limit: 9_850_000, quantity: 5), holding: 49_597_220)
        try await session.give(.reduce(1, by: 2))
        #expect(try await floor.cash.state(of: "BUYER").state.holds == [1: 29_758_332])
        try await session.give(.delete(1))
        #expect(try await floor.cash.state(of: "BUYER").state.available == .dollars(10_000))
    }
}
