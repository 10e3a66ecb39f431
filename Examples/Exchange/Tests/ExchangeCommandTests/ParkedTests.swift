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

    private func withHouse(
        in file: String, _ operation: (ClearingHouse, OrderDesk) async throws -> Void
    ) async throws {
        let store = try await SQLiteEventStore.open(file)
        try await operation(ClearingHouse(in: store, models: store), OrderDesk(in: store))
        await store.close()
    }
}
