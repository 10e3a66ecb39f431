import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Testing

@Suite("A read model that meets an event which it cannot read")
struct ParkedDocumentTests {
    @Test(
        "stops for its account alone, which takes what it missed when it can, also what has no tag of it",
        arguments: TestStore.all)
    func account(_ make: TestStore) async throws {
        let store = try await make()
        let cash = CommandHandler(CashAccount.self, in: store, category: CashAccount.category)
        for account in ["A", "B"] { try await cash.handle(.deposit(100), id: account) }
        // As it was recorded before events had the tags of accounts.
        let untagged = try await store.append(
            [NewEvent(type: "cash.deposited", data: Array(#"{"amount":5}"#.utf8))], to: "cash-B")
        for account in ["A", "B"] { try await cash.handle(.deposit(10), id: account) }
        let garbled = GarbledStore(store, at: untagged.position)
        let models = try await MarketReadModels(of: garbled, in: garbled)
        try await models.catchUp()
        #expect(try await models.cash.document("A")?.available == 110)
        #expect(try await models.cash.document("B")?.available == 100)
        let parked = try await models.parked()
        #expect(parked.map(\.key) == ["cash-balances/B"] && parked.map(\.event) == ["cash-B@1"])
        #expect(parked.map(\.position) == [untagged.position])
        #expect(parked.first?.reason.contains("does not have the shape") == true)

        try await models.replay("cash-balances/B")
        #expect(try await models.parked() == parked)
        garbled.mend()
        for account in ["A", "B"] { try await cash.handle(.deposit(1), id: account) }
        try await models.catchUp()
        #expect(try await models.cash.document("B")?.available == 100)
        try await models.replay("cash-balances/B")
        #expect(try await models.parked().isEmpty)
        #expect(try await models.cash.document("B")?.available == 116)
        try await cash.handle(.deposit(1), id: "B")
        try await models.catchUp()
        #expect(try await models.cash.document("A")?.available == 111)
        #expect(try await models.cash.document("B")?.available == 117)
        for key in ["cash-balances/B", "cash-balances", "prices/B", "B"] {
            await #expect(throws: NothingParked(key: key)) { try await models.replay(key) }
        }
    }

    @Test(
        "stops for its book and its trade, and has what a model has that never stopped when they are replayed",
        arguments: TestStore.all)
    func execution(_ make: TestStore) async throws {
        let store = try await make()
        var configuration = OrderFlow.Configuration()
        configuration.orders = 600
        configuration.traders = 8
        var flow = OrderFlow(configuration)
        let floor = TradingFloor(in: store)
        try await floor.record(&flow)
        var executed: [RecordedEvent] = []
        for try await event in store.events(filter: EventFilter(types: ["book.executed"])) { executed.append(event) }
        let event = try #require(executed.dropFirst(executed.count / 2).first)
        let instrument = Instrument(rawValue: String(try #require(event.stream.id)))
        let garbled = GarbledStore(store, at: event.position)
        let models = try await MarketReadModels(of: garbled, in: garbled)
        try await models.catchUp()
        let keys = ["quotes/\(instrument)", "trades/\(TradeTape.key(instrument, event.version))"]
        #expect(try await models.parked().map(\.key) == keys)
        let other = InMemoryEventStore()
        let whole = try await MarketReadModels(of: store, in: other)
        try await whole.catchUp()
        #expect(try await models.trades.documents(limit: 10_000).count == executed.count - 1)
        for (key, board) in try await whole.quotes.documents() {
            #expect(try await (models.quotes.document(key) == board) == (key != instrument.rawValue), "\(key)")
        }

        garbled.mend()
        for key in keys { try await models.replay(key) }
        #expect(try await models.parked().isEmpty)
        let (boards, expected) = (try await models.quotes.documents(), try await whole.quotes.documents())
        #expect(boards.map(\.document) == expected.map(\.document))
        #expect(
            try await models.trades.documents(limit: 10_000).map(\.document)
                == whole.trades.documents(limit: 10_000).map(\.document))
        #expect(try await models.accounts() == whole.accounts())
    }

    @Test("stops for the holdings of an account, in either version", arguments: TestStore.all)
    func holdings(_ make: TestStore) async throws {
        for version in [HoldingsBalances.Version.first, .second] {
            let store = try await make()
            let holdings = CommandHandler(Holdings.self, in: store, category: Holdings.category)
            for account in ["A", "B"] { try await holdings.handle(.deposit(5, of: "X"), id: account) }
            let head = try await store.head()
            let garbled = GarbledStore(store, at: head)
            let model = HoldingsBalances(version)
            let models = MarketReadModels(of: garbled, in: garbled, holdings: model)
            try await models.catchUp()
            #expect(try await models.parked().map(\.key) == ["\(model.name)/B"])
            #expect(try await models.holdings.documents().map(\.key) == ["A"])
            garbled.mend()
            try await models.replay("\(model.name)/B")
            #expect(try await models.holdings.document("B")?.positions["X"]?.available == 5)
        }
    }
}
