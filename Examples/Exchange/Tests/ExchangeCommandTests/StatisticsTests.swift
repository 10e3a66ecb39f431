import Daybook
import DaybookCore
import DaybookSQLite
import Exchange
import Foundation
import Testing

@Suite("exchange statistics")
struct StatisticsTests {
    @Test("shows what was traded, goes on from its tables, and refuses those of another store")
    func statistics() async throws {
        let exchange = try ExchangeProgram()
        let (file, database) = (exchange.file("market.daybook"), exchange.file("own.sqlite"))
        #expect(try await exchange.run("clear", "--store", file).status == 0)
        let table = try await exchange.run("statistics", "--store", file, "--database", database)
        #expect(table.status == 0, "\(table.errors)")
        #expect(
            table.output == """
                INSTRUMENT  SESSION     TRADES  SHARES  TURNOVER    LOW   HIGH
                ALDER       2026-01-05       3     130   3250.00  25.00  25.00

                """)
        let store = try await SQLiteEventStore.open(file)
        try await TradingFloor(in: store).books.handle(.report(.auctioned(300_000, 1)), id: "ALDER")
        await store.close()
        let json = try await exchange.run("statistics", "--json", "--store", file, "--database", database)
        #expect(
            json.output == #"{"high":300000,"instrument":"ALDER","low":250000,"session":"2026-01-05","shares":131,"#
                + #""trades":4,"turnover":32800000}"# + "\n")
        #expect(try await exchange.run("statistics", "--json", "--store", file).output == json.output)
        #expect(FileManager.default.fileExists(atPath: file + ".statistics"))

        let other = exchange.file("other.daybook")
        let empty = try await SQLiteEventStore.open(other)
        try await TradingFloor(in: empty).cash.handle(.deposit(1), id: "A")
        await empty.close()
        #expect(try await exchange.run("statistics", "--store", other).status == 3)
        let refused = try await exchange.run("statistics", "--store", other, "--database", database)
        #expect(refused.status == 1 && refused.errors.contains("made of another log"), "\(refused.errors)")
        #expect(try await exchange.run("statistics", "--store", file, "--database", file).status == 64)
        let nowhere = exchange.file("none/own.sqlite")
        #expect(try await exchange.run("statistics", "--store", file, "--database", nowhere).status == 73)
        #expect(try await exchange.run("verify-events", "--store", file).status == 0)
    }

    @Test("goes back to any moment, tells what changed since, and leaves its tables alone")
    func past() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        let store = try await SQLiteEventStore.open(file)
        let books = TradingFloor(in: store).books
        for name in ["ALDER", "BIRCH"] {
            try await books.handle(
                .open(Opening(instrument: Instrument(rawValue: name), session: "2026-01-05")), id: name)
        }
        try await books.handle(.report(.auctioned(300_000, 1)), id: "ALDER")
        let noon = try await store.head()
        try await books.handle(.report(.auctioned(310_000, 2)), id: "ALDER")
        try await books.handle(.report(.auctioned(100_000, 4)), id: "BIRCH")
        await store.close()

        let then = try await exchange.run("statistics", "--json", "--as-of", "p\(noon)", "--store", file)
        #expect(
            then.output == #"{"high":300000,"instrument":"ALDER","low":300000,"session":"2026-01-05","shares":1,"#
                + #""trades":1,"turnover":300000}"# + "\n", "\(then.errors)")
        #expect(try await exchange.run("statistics", "--as-of", "p1", "--store", file).status == 3)
        let changes = try await exchange.run("statistics", "--since", "p\(noon)", "--store", file)
        #expect(
            changes.output == """
                2 lines changed.
                ALDER in session 2026-01-05
                    trades  1 → 2
                    shares  1 → 3
                    by      an auction traded 2 at 31.00  [book-ALDER@2, position 4]
                BIRCH in session 2026-01-05
                    trades  none → 1
                    shares  none → 4
                    by      an auction traded 4 at 10.00  [book-BIRCH@1, position 5]

                """, "\(changes.errors)")
        let json = try await exchange.run(
            "statistics", "--since", "p1", "--as-of", "p\(noon)", "--json", "--store", file)
        #expect(json.output.contains(#""instrument":"ALDER""#) && !json.output.contains("BIRCH"))
        let one = try await exchange.run("statistics", "--since", "p\(noon)", "--limit", "1", "--store", file)
        let cut = try await exchange.run(
            "statistics", "--since", "p\(noon)", "--limit", "1", "--json", "--store", file)
        #expect(cut.status == 0 && cut.errors.contains("1 more: see --limit."))
        #expect(one.output.contains("ALDER") && one.output.hasSuffix("1 more: see --limit.\n"))
        #expect(try await exchange.run("statistics", "--since", "p3", "--as-of", "p1", "--store", file).status == 64)
        #expect(!FileManager.default.fileExists(atPath: file + ".statistics"))
    }

    @Test("counts the others when a trade cannot be read, and says so each time")
    func parks() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        let store = try await SQLiteEventStore.open(file)
        let codec = JSONEventCodec<OrderBook.Event>()
        func record(_ event: OrderBook.Event, _ name: String) async throws {
            try await store.append([NewEvent(try codec.encode(event))], to: StreamName("book-\(name)"))
        }
        for name in ["ALDER", "BIRCH"] {
            try await record(
                .opened(
                    instrument: Instrument(rawValue: name), session: "2026-01-05", bids: [], asks: [], kind: .share),
                name)
        }
        // Of a later version than this program's, which cannot read it.
        try await store.append(
            [NewEvent(type: "book.auctionReported", data: Array(#"{"price":true}"#.utf8))], to: "book-ALDER")
        try await record(.auctionReported(price: 100_000, quantity: 4), "BIRCH")
        try await record(.auctionReported(price: 100_000, quantity: 5), "ALDER")
        await store.close()
        for _ in 0..<2 {
            let stopped = try await exchange.run("statistics", "--json", "--store", file)
            #expect(stopped.status == 1 && stopped.errors.contains("'ALDER', at position 3"), "\(stopped.errors)")
            #expect(stopped.output.contains(#""instrument":"BIRCH""#) && !stopped.output.contains("ALDER"))
        }
        let past = try await exchange.run("statistics", "--as-of", "p2", "--store", file)
        #expect(past.status == 3 && past.errors.contains("as of p2"))
        let behind = try await exchange.run("statistics", "--as-of", "p5", "--store", file)
        #expect(behind.status == 74 && behind.errors.hasPrefix("exchange: ") && behind.errors.contains("position 3"))
    }
}
