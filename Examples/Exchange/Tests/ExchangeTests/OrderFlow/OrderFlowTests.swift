import Exchange
import Testing

@Suite("The order flow")
struct OrderFlowTests {
    private func configuration(seed: UInt64) -> OrderFlow.Configuration {
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = 6_000
        configuration.traders = 20
        return configuration
    }

    @Test("is the same for the same seed, and another for another")
    func repeats() throws {
        func quotes(_ seed: UInt64) throws -> [Quote] {
            var flow = OrderFlow(configuration(seed: seed))
            while try flow.nextRound() != nil {}
            return OrderFlow.Listing.examples.compactMap { flow.book(of: $0.instrument)?.quote }
        }
        #expect(try quotes(7) == quotes(7))
        #expect(try quotes(7) != quotes(8))
    }

    @Test("never crosses a book, and keeps all cash and all shares", arguments: seeds(4))
    func conserves(seed: UInt64) throws {
        let configuration = configuration(seed: seed)
        var flow = OrderFlow(configuration)
        while try flow.nextRound() != nil {
            for listing in configuration.listings {
                #expect(flow.book(of: listing.instrument)?.quote.isCrossed == false, "seed \(seed)")
            }
        }
        #expect(flow.orderCount == configuration.orders)
        let accounts = flow.accounts()
        let cash = accounts.reduce(Money.zero) { $0 + $1.cash.total }
        #expect(cash.rawValue == configuration.openingCash.rawValue * Int64(configuration.traders), "seed \(seed)")
        for listing in configuration.listings {
            let shares = accounts.reduce(0) { $0 + $1.holdings.total(of: listing.instrument) }
            #expect(shares == configuration.openingShares * Int64(configuration.traders), "seed \(seed)")
        }
        // What accounts hold is what the resting orders need, and nothing else.
        var resting = 0
        for listing in configuration.listings {
            let book = try #require(flow.book(of: listing.instrument))
            #expect(book.executions > 50)
            for id in book.orderIDs {
                let order = try #require(book.order(id))
                let account = try #require(accounts.first { $0.account == order.account })
                switch order.side {
                case .buy: #expect(account.cash.holds[id] == order.price * order.remaining, "seed \(seed)")
                case .sell: #expect(account.holdings.holds[id]?.quantity == order.remaining, "seed \(seed)")
                }
                resting += 1
            }
        }
        #expect(accounts.reduce(0) { $0 + $1.cash.holds.count + $1.holdings.holds.count } == resting)
    }
}
