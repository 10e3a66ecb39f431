import Exchange
import Testing

@Suite("Matching orders")
struct MatchingTests {
    /// Submits, reduces and deletes at random in both books, and compares them after every command.
    @Test("gives what a naive model gives, never crosses, and neither makes nor loses a share", arguments: seeds(30))
    func matchesNaiveModel(seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        var book = OrderBook.initialState
        var naive = NaiveBook()
        try apply(.open(Opening(instrument: "TEST", session: "2026-01-05")), to: &book)
        var submitted: Quantity = 0
        var gone: Quantity = 0
        for number in 1...1_500 {
            let id = OrderID(Int64(number))
            switch Int.random(in: 0..<10, using: &numbers) {
            case 0 where !naive.orders.isEmpty:
                let index = Int.random(in: naive.orders.indices, using: &numbers)
                let order = naive.orders.remove(at: index)
                try apply(.delete(order.id), to: &book)
                gone += order.remaining
            case 1 where naive.orders.contains { $0.remaining > 1 }:
                let candidates = naive.orders.indices.filter { naive.orders[$0].remaining > 1 }
                let index = candidates.randomElement(using: &numbers)!
                let quantity = Quantity.random(in: 1..<naive.orders[index].remaining, using: &numbers)
                try apply(.reduce(naive.orders[index].id, by: quantity), to: &book)
                naive.orders[index].remaining -= quantity
                gone += quantity
            default:
                let order = NewOrder(
                    id: id, side: Bool.random(using: &numbers) ? .buy : .sell,
                    limit: Price(100 * Int64.random(in: 90...110, using: &numbers)),
                    quantity: Quantity.random(in: 1...50, using: &numbers),
                    timeInForce: Int.random(in: 0..<6, using: &numbers) == 0 ? .immediate : .day)
                let expected = naive.submit(order)
                let events = try apply(.submit(order), to: &book)
                let executions = events.compactMap { event -> NaiveBook.Execution? in
                    guard case .executed(_, let resting?, _, _, let price, let quantity, let against, _, _) = event
                    else { return nil }
                    return NaiveBook.Execution(order: resting, price: price, quantity: quantity, against: against)
                }
                #expect(executions == expected, "seed \(seed), order \(number)")
                submitted += order.quantity
                gone += executions.reduce(0) { $0 + 2 * $1.quantity }
                for case .expired(_, _, _, let quantity) in events { gone += quantity }
            }
            #expect(!book.quote.isCrossed, "seed \(seed), command \(number)")
            for side in Side.allCases {
                let depth = book.depth(side).map { Quote.Level(price: $0.price, quantity: $0.quantity) }
                try #require(depth == naive.depth(side), "seed \(seed), command \(number)")
            }
            #expect(submitted - gone == naive.orders.reduce(0) { $0 + $1.remaining }, "seed \(seed)")
            #expect(book.orderCount == naive.orders.count)
        }
        for side in Side.allCases {  // The queues too, order by order.
            for level in book.depth(side) {
                let queue = naive.orders.filter { $0.side == side && $0.price == level.price }
                #expect(book.orders(side, at: level.price) == queue, "seed \(seed)")
                #expect(level.orders == queue.count)
            }
        }
    }

    @Test("trades with what stood in the book when it opened before any later order at the price")
    func openingQuantityIsFirst() throws {
        var book = OrderBook.initialState
        let asks = [Quote.Level(price: 1000, quantity: 30)]
        try apply(.open(Opening(instrument: "TEST", session: "2026-01-05", asks: asks)), to: &book)
        try apply(.submit(NewOrder(id: 1, side: .sell, limit: 1000, quantity: 10)), to: &book)
        let events = try apply(
            .submit(NewOrder(id: 2, account: "B", side: .buy, limit: 1000, quantity: 35)), to: &book)
        #expect(
            events == [
                .submitted(order: 2, account: "B", side: .buy, limit: 1000, quantity: 35, resting: 0),
                .executed(
                    execution: "TEST#1", order: nil, account: nil, side: .sell, price: 1000, quantity: 30, against: 2,
                    by: "B", limit: 1000),
                .executed(
                    execution: "TEST#2", order: 1, account: nil, side: .sell, price: 1000, quantity: 5, against: 2,
                    by: "B", limit: 1000),
            ])
        #expect(book.order(1)?.remaining == 5)
        #expect(book.quote == Quote(ask: Quote.Level(price: 1000, quantity: 5)))
    }

    @Test("leaves a copy of the book as it was")
    func copiesAreValues() throws {
        var book = OrderBook.initialState
        try apply(.open(Opening(instrument: "TEST", session: "2026-01-05")), to: &book)
        try apply(.submit(NewOrder(id: 1, side: .sell, limit: 1000, quantity: 10)), to: &book)
        let before = book
        try apply(.submit(NewOrder(id: 2, side: .buy, limit: 1000, quantity: 10)), to: &book)
        #expect(before.order(1)?.remaining == 10)
        #expect(book.orderCount == 0)
        #expect(before != book)
    }

    @discardableResult
    private func apply(_ command: OrderBook.Command, to book: inout OrderBook.State) throws -> [OrderBook.Event] {
        let events = try OrderBook.decide(command, in: book)
        for event in events { OrderBook.evolve(&book, with: event) }
        return events
    }
}
