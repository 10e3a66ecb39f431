import DaybookClient
import DaybookCore
import DaybookSQLite
import StoreTrials
import Testing

@Suite("The exchange on a server", .timeLimit(.minutes(5)))
struct ExchangeDayTests {
    @Test("shares its work among processes, of which two are killed: everything is settled and confirmed once")
    func processes() async throws {
        let program = try BuiltProgram("daybook")
        try await ServedFile.serving(program.file("market.db"), by: program) { served in
            try await SharedMarket(on: served.address).run(orders: 300)
        }
    }

    @Test("has a day of 1,000 orders that is that of a file")
    func day() async throws {
        let program = try BuiltProgram("daybook")
        let file = try await SQLiteEventStore.open(program.file("day.db"))
        let expected = try await TradingDay.record(orders: 1_000, in: file)
        await file.close()
        #expect(expected.trades.count > 100 && expected.accounts.count > 10)
        try await ServedFile.serving(program.file("served.db"), by: program) { served in
            let client = try DaybookClient.connect(to: served.address)
            try await TradingDay.record(orders: 1_000, in: client).expectSame(as: expected)
            await client.close()
        }
    }

    @Test("simulates a day that leaves the accounts of a file, and cannot drive the time")
    func program() async throws {
        let (daybook, exchange) = (try BuiltProgram("daybook"), try BuiltProgram("exchange"))
        let file = exchange.file("day.db")
        let simulated = try await exchange.run("simulate", "--orders", "300", "--store", file)
        #expect(simulated.status == 0, "\(simulated.errors)")
        try await ServedFile.serving(daybook.file("served.db"), by: daybook) { served in
            let there = try await exchange.run("simulate", "--orders", "300", "--store", served.address)
            #expect(there.status == 0, "\(there.errors)")
            let here = try await exchange.run("accounts", "--json", "--store", file)
            let accounts = try await exchange.run("accounts", "--json", "--store", served.address)
            #expect(here.status == 0 && accounts.status == 0, "\(accounts.errors)")
            #expect(accounts.output == here.output)
            let book = try await exchange.run("book", "ALDER", "--json", "--store", served.address)
            #expect(book.status == 0 && book.output.contains("\"bids\""), "\(book.errors)")
            let driven = try await exchange.run("clear", "--store", served.address)
            #expect(driven.status == 1 && driven.errors.contains("use a file"), "\(driven)")
        }
    }
}
