import DaybookCore
import DaybookSQLite
import Exchange
import Testing

@Suite("exchange parked")
struct ParkedTests {
    @Test("lists what the clearing could not do, and does it again when the cause is mended")
    func replays() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("market.daybook")
        try await withHouse(in: file) { house, desk in
            try await desk.books.handle(.open(Opening(instrument: "X", session: "2026-01-05")), id: "X")
            try await house.holdings.handle(.deposit(150, of: "X"), id: "B")
            try await desk.submit(NewOrder(id: 1, side: .sell, limit: 10_000, quantity: 10), on: "B", of: "X")
            try await house.holdings.handle(.releaseAll(for: 1), id: "B")
            try await desk.books.handle(.delete(1), id: "X")
            try await house.catchUp()
        }
        let parked = try await exchange.run("parked", "--store", file)
        #expect(parked.status == 0, "\(parked.errors)")
        #expect(parked.output.contains("order:1  release  deleted with 10 left"))
        let again = try await exchange.run("parked", "--replay", "order:1", "--json", "--store", file)
        #expect(again.status == 1 && again.errors.contains("'order:1' has stopped again"))
        #expect(again.output.contains(#""key":"order:1""#))
        #expect(try await exchange.run("parked", "--replay", "order:2", "--store", file).status == 3)

        try await withHouse(in: file) { house, _ in
            try await house.holdings.handle(.hold(10, of: "X", for: 1), id: "B")
        }
        let done = try await exchange.run("parked", "--replay", "order:1", "--store", file)
        #expect(done.status == 0 && done.output == "Nothing is parked.\n", "\(done.errors)")
        try await withHouse(in: file) { house, _ in
            let holdings = try await house.holdings.state(of: "B").state
            #expect(holdings.available == ["X": 150])
        }
    }

    @Test("lists the documents that stopped before an event that cannot be read, and tries them again")
    func documents() async throws {
        let exchange = try ExchangeProgram()
        let file = exchange.file("day.daybook")
        let store = try await SQLiteEventStore.open(file)
        let floor = TradingFloor(in: store)
        for account in ["A", "B"] { try await floor.cash.handle(.deposit(1_000), id: account) }
        let unreadable = try await store.append(
            [NewEvent(type: "cash.deposited", data: Array(#"{"amount":"much"}"#.utf8))], to: "cash-B")
        try await floor.cash.handle(.deposit(1_000), id: "A")
        await store.close()
        let accounts = try await exchange.run("accounts", "--json", "--store", file)
        #expect(accounts.status == 0 && accounts.output.contains(#""available":2000"#), "\(accounts.errors)")
        #expect(accounts.errors.contains("the first 'cash-balances/B' before position \(unreadable.position)"))

        let parked = try await exchange.run("parked", "--store", file)
        #expect(parked.status == 0, "\(parked.errors)")
        #expect(parked.output.hasPrefix("KEY              POSITION  EVENT     WHY\ncash-balances/B"))
        #expect(parked.output.contains("  \(unreadable.position)  cash-B@1  "))
        let json = try await exchange.run("parked", "--json", "--store", file)
        #expect(json.output.contains(#""key":"cash-balances/B","kind":"document""#))
        let again = try await exchange.run("parked", "--replay", "cash-balances/B", "--store", file)
        #expect(again.status == 1 && again.errors.contains("'cash-balances/B' has stopped again"))
        #expect(try await exchange.run("parked", "--replay", "cash-balances/A", "--store", file).status == 3)
    }

    private func withHouse(
        in file: String, _ operation: (ClearingHouse, OrderDesk) async throws -> Void
    ) async throws {
        let store = try await SQLiteEventStore.open(file)
        try await operation(ClearingHouse(in: store, models: store), OrderDesk(in: store))
        await store.close()
    }
}
