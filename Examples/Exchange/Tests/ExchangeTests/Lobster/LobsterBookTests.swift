import Exchange
import Testing

@Suite("A LOBSTER seed row")
struct LobsterBookTests {
    @Test("is a book, without its empty places")
    func reads() throws {
        let book = try LobsterBook(line: Array("101,5,100,3,102,7,-9999999999,0".utf8))
        #expect(book.asks == [Quote.Level(price: 101, quantity: 5), Quote.Level(price: 102, quantity: 7)])
        #expect(book.bids == [Quote.Level(price: 100, quantity: 3)])
    }

    @Test("is taken back to before the first message, whatever that was")
    func undoes() throws {
        let book = try LobsterBook(line: Array("101,5,100,3".utf8))
        let before = try book.undoing(.submitted(1, .buy, 100, 3), instrument: "T", session: "2026-01-05")
        #expect(before.bids.isEmpty && before.asks == book.asks)
        let deleted = try book.undoing(.deleted(1, .buy, 99, 4), instrument: "T", session: "2026-01-05")
        #expect(deleted.bids == [Quote.Level(price: 100, quantity: 3), Quote.Level(price: 99, quantity: 4)])
        let executed = try book.undoing(.executed(1, .sell, 101, 4), instrument: "T", session: "2026-01-05")
        #expect(executed.asks == [Quote.Level(price: 101, quantity: 9)])
        #expect(
            try book.undoing(.hiddenExecuted(.buy, 100, 4), instrument: "T", session: "2026-01-05").bids == book.bids)
    }

    @Test(
        "says what is wrong with it",
        arguments: [
            ("101,5,100", .incompleteLevels(fields: 3)),
            ("", .incompleteLevels(fields: 0)),
            ("x,5,100,3", .notANumber(field: "ask_price_1", text: "x")),
            ("101,5,100,y", .notANumber(field: "bid_size_1", text: "y")),
            ("101,0,100,3", .sizeOutOfBounds(0)),
            ("-5,1,100,3", .priceOutOfBounds(-5)),
        ] as [(String, InvalidLobsterLine)])
    func refuses(line: String, reason: InvalidLobsterLine) {
        #expect(throws: reason) { try LobsterBook(line: Array(line.utf8)) }
    }

    @Test("that is crossed or out of order opens no book")
    func refusesCrossed() throws {
        for line in ["100,5,100,3", "102,5,100,3,101,5,99,3"] {
            let book = try LobsterBook(line: Array(line.utf8))
            #expect(throws: InvalidLobsterLine.self) {
                try book.undoing(.halted, instrument: "T", session: "2026-01-05")
            }
        }
    }
}
