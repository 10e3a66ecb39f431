import Exchange
import Testing

@Suite("An hour of AAPL", .enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
struct RealOrderFlowTests {
    /// Folds the first messages, and shows the book after each to `check`.
    private func replay(
        first count: Int = .max,
        check: (Int, VenueReport, _ before: OrderBook.State, _ after: OrderBook.State) throws -> Void
    ) throws {
        var seed = try LineFile(path: SharedData.levels)
        let row = try #require(try seed.next())
        var messages = try LineFile(path: SharedData.messages)
        var book = OrderBook.initialState
        while messages.lineNumber < count, let line = try messages.next() {
            let message = try LobsterMessage(line: line)
            if messages.lineNumber == 1 {
                let opening = try LobsterBook(line: row).undoing(
                    message.report, instrument: "AAPL", session: "2012-06-21")
                for event in try OrderBook.decide(.open(opening), in: book) { OrderBook.evolve(&book, with: event) }
            }
            let events = try OrderBook.decide(.report(message.report), in: book)
            try #require(events.count == 1)
            let before = book
            OrderBook.evolve(&book, with: events[0])
            try check(messages.lineNumber, message.report, before, book)
        }
    }

    @Test("has 664 of its first 672 books right in all 50 levels")
    func levels() throws {
        var file = try LineFile(path: SharedData.levels)
        var exact = 0
        var differing: [Int] = []
        try replay(first: 672) { line, _, _, book in
            let row = try LobsterBook(line: try #require(try file.next()))
            func shown(_ side: Side) -> [Quote.Level] {
                book.depth(side, levels: 50).map { Quote.Level(price: $0.price, quantity: $0.quantity) }
            }
            if shown(.buy) == row.bids && shown(.sell) == row.asks { exact += 1 } else { differing.append(line) }
        }
        #expect(exact == 664)
        #expect(differing == Array(507...514))
    }

    @Test("has its visible executions at the best price, 2,238 of 2,260 at the head of the queue, and never crosses")
    func executions() throws {
        var executions = 0
        var first = 0
        var last: OrderBook.State?
        try replay { line, report, before, after in
            #expect(!after.quote.isCrossed, "line \(line)")
            if line == 45_000 { last = after }
            guard case .executed(let id, let side, let price, _) = report else { return }
            executions += 1
            let best = side == .buy ? before.quote.bid : before.quote.ask
            #expect(best?.price == price, "line \(line)")
            let level = try #require(before.depth(side, levels: 1).first)
            if before.order(id) == nil {
                if level.opening > 0 { first += 1 }
            } else if level.opening == 0 && before.orders(side, at: price).first?.id == id {
                first += 1
            }
        }
        #expect(executions == 2_260)
        #expect(first == 2_238)
        let book = try #require(last)
        #expect(book.orderCount == 307)
        #expect(
            book.quote
                == Quote(
                    bid: Quote.Level(price: 5_857_200, quantity: 200), ask: Quote.Level(price: 5_859_100, quantity: 41))
        )
    }
}
