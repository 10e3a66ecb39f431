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
}
