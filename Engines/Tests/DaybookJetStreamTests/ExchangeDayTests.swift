import DaybookJetStream
import DaybookSQLite
import StoreTrials
import Testing

@Suite("The exchange on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped), .timeLimit(.minutes(5)))
struct ExchangeDayTests {
    @Test("shares its work among processes, of which two are killed: everything is settled and confirmed once")
    func processes() async throws {
        let name = TestCluster.newName()
        do { try await SharedMarket(on: TestCluster.address(name)).run(orders: 300) } catch {
            try await TestCluster.remove(name)
            throw error
        }
        try await TestCluster.remove(name)
    }

    @Test("has a day of 1,000 orders that is that of a file")
    func day() async throws {
        let program = try BuiltProgram("daybook")
        let file = try await SQLiteEventStore.open(program.file("day.daybook"))
        let expected = try await TradingDay.record(orders: 1_000, in: file)
        await file.close()
        #expect(expected.trades.count > 100 && expected.accounts.count > 10)
        try await TestCluster.withStore { store in
            try await TradingDay.record(orders: 1_000, in: store).expectSame(as: expected)
        }
    }
}
