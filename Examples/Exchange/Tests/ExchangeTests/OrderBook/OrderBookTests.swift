import DaybookTesting
import Exchange
import Testing

@Suite("An order book")
struct OrderBookTests {
    private let opened = OrderBook.Event.opened(
        instrument: "TEST", session: "2026-01-05", bids: [], asks: [], kind: .share)
    private func offer(_ id: OrderID, _ quantity: Quantity, at price: Price) -> OrderBook.Event {
        .submitted(order: id, account: "S", side: .sell, limit: price, quantity: quantity, resting: quantity)
    }

    @Test("takes an order that nobody trades with into its queue")
    func rests() {
        Scenario(OrderBook.self).given(opened)
            .when(.submit(NewOrder(id: 1, account: "A", side: .buy, limit: 1000, quantity: 10)))
            .then(.submitted(order: 1, account: "A", side: .buy, limit: 1000, quantity: 10, resting: 10))
    }

    @Test("trades at the best price first, at one price with the oldest first, and lets the remainder rest")
    func priceTimePriority() {
        Scenario(OrderBook.self)
            .given(opened, offer(1, 10, at: 1002), offer(2, 10, at: 1001), offer(3, 10, at: 1001))
            .when(.submit(NewOrder(id: 4, account: "B", side: .buy, limit: 1001, quantity: 25)))
            .then(
                .submitted(order: 4, account: "B", side: .buy, limit: 1001, quantity: 25, resting: 0),
                .executed(
                    execution: "TEST#1", order: 2, account: "S", side: .sell, price: 1001, quantity: 10, against: 4,
                    by: "B", limit: 1001),
                .executed(
                    execution: "TEST#2", order: 3, account: "S", side: .sell, price: 1001, quantity: 10, against: 4,
                    by: "B", limit: 1001),
                .rested(order: 4, account: "B", side: .buy, price: 1001, quantity: 5))
    }

    @Test("cancels what an immediate order does not trade at once")
    func immediate() {
        Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001))
            .when(
                .submit(
                    NewOrder(id: 2, account: "B", side: .buy, limit: 1005, quantity: 15, timeInForce: .immediate))
            )
            .then(
                .submitted(order: 2, account: "B", side: .buy, limit: 1005, quantity: 15, resting: 0),
                .executed(
                    execution: "TEST#1", order: 1, account: "S", side: .sell, price: 1001, quantity: 10, against: 2,
                    by: "B", limit: 1005),
                .expired(order: 2, account: "B", side: .buy, quantity: 5))
    }

    @Test("lets an order keep its place when it is reduced")
    func reduce() {
        Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001), offer(2, 10, at: 1001))
            .given(.reduced(order: 1, account: "S", side: .sell, price: 1001, quantity: 4))
            .when(.submit(NewOrder(id: 3, side: .buy, limit: 1001, quantity: 6)))
            .then(
                .submitted(order: 3, account: nil, side: .buy, limit: 1001, quantity: 6, resting: 0),
                .executed(
                    execution: "TEST#1", order: 1, account: "S", side: .sell, price: 1001, quantity: 6, against: 3,
                    by: nil, limit: 1001))
    }

    @Test("deletes what remains of an order")
    func delete() {
        Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001))
            .when(.delete(1))
            .then(.deleted(order: 1, account: "S", side: .sell, price: 1001, quantity: 10))
    }

    @Test("records an execution as the venue reports it, also when another order is first in the queue")
    func reportedExecution() {
        Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001), offer(2, 10, at: 1001))
            .when(.report(.executed(2, .sell, 1001, 4)))
            .then(.executionReported(execution: "TEST#1", order: 2, side: .sell, price: 1001, quantity: 4))
    }

    @Test("takes an order that it does not know from what stood there when it opened, and no more than that")
    func opening() {
        let seeded = OrderBook.Event.opened(
            instrument: "TEST", session: "2026-01-05", bids: [Quote.Level(price: 990, quantity: 30)], asks: [],
            kind: .share)
        Scenario(OrderBook.self).given(seeded).when(.report(.deleted(7, .buy, 990, 50)))
            .then(.openingReduced(order: 7, by: .deletion, side: .buy, price: 990, quantity: 30))
        Scenario(OrderBook.self).given(seeded).when(.report(.deleted(7, .buy, 980, 50)))
            .then(.unknownOrderReported(order: 7, by: .deletion, side: .buy, price: 980, quantity: 50))
    }

    @Test("refuses what cannot be")
    func rejections() {
        Scenario(OrderBook.self).when(.halt).thenRejected(.notOpen)
        let book = Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001))
        book.when(.submit(NewOrder(id: 1, side: .buy, limit: 900, quantity: 1))).thenRejected(.duplicateOrder(1))
        book.when(.submit(NewOrder(id: 2, side: .buy, limit: 0, quantity: 1))).thenRejected(.priceOutOfBounds(0))
        book.when(.submit(NewOrder(id: 2, side: .buy, limit: 1, quantity: 0))).thenRejected(.quantityOutOfBounds(0))
        book.when(.delete(9)).thenRejected(.unknownOrder(9))
        book.when(.reduce(1, by: 10))
            .thenRejected(.exceedsRemaining(order: 1, quantity: 10, remaining: 10))
        book.when(.report(.executed(1, .sell, 1001, 11)))
            .thenRejected(.exceedsRemaining(order: 1, quantity: 11, remaining: 10))
        book.when(.report(.executed(1, .sell, 1002, 5))).thenRejected(
            .restsElsewhere(
                order: 1, reported: OrderBook.Place(side: .sell, price: 1002),
                resting: OrderBook.Place(side: .sell, price: 1001)))
        book.given(.halted).when(.submit(NewOrder(id: 2, side: .buy, limit: 900, quantity: 1))).thenRejected(.halted)
        book.when(.open(Opening(instrument: "TEST", session: "2026-01-02")))
            .thenRejected(.sessionNotLater("2026-01-02", current: "2026-01-05"))
        book.when(.open(Opening(instrument: "OTHER", session: "2026-01-06")))
            .thenRejected(.otherInstrument("OTHER", book: "TEST"))
    }

    @Test("opens a later session empty, and the same session once")
    func sessions() {
        let book = Scenario(OrderBook.self).given(opened, offer(1, 10, at: 1001))
        book.when(.open(Opening(instrument: "TEST", session: "2026-01-05"))).thenNothing()
        book.when(.open(Opening(instrument: "TEST", session: "2026-01-06")))
            .then(.opened(instrument: "TEST", session: "2026-01-06", bids: [], asks: [], kind: .share))
    }
}
