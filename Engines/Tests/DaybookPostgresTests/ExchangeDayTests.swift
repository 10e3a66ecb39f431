import DaybookCore
import DaybookSQLite
import StoreTrials
import Testing

@Suite(
    "The exchange and daybook copy on PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct ExchangeDayTests {
    @Test("share their work among processes, of which two are killed: everything is settled and confirmed once")
    func processes() async throws {
        try await Server.withDatabase { address in try await SharedMarket(on: address).run(orders: 300) }
    }

    @Test("have a day of 1,000 orders that is that of a file, and copies of it there and back that are the same")
    func day() async throws {
        let program = try BuiltProgram("daybook")
        let (from, back) = (program.file("day.daybook"), program.file("back.daybook"))
        let file = try await SQLiteEventStore.open(from)
        let expected = try await TradingDay.record(orders: 1_000, in: file)
        await file.close()
        #expect(expected.trades.count > 100 && expected.accounts.count > 10)
        try await Server.withStore { store in
            try await TradingDay.record(orders: 1_000, in: store).expectSame(as: expected)
        }
        try await Server.withDatabase { address in
            let there = try await program.run("copy", "--from", "file:\(from)", "--to", address)
            #expect(there.status == 0 && there.errors.contains("The two logs are the same"), "\(there.errors)")
            #expect(!there.errors.contains("Positions change"))
            let returned = try await program.run("copy", "--from", address, "--to", "file:\(back)")
            #expect(returned.status == 0, "\(returned.errors)")
        }
        let same = try await program.run("copy", "--from", "file:\(from)", "--to", "file:\(back)")
        #expect(same.status == 0 && same.errors.contains("0 events and 0 commands were copied"), "\(same.errors)")
        #expect(same.errors.contains("The two logs are the same up to position"), "\(same.errors)")
    }
}
