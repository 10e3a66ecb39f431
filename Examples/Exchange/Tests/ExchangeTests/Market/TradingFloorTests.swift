import Daybook
import DaybookCore
import DaybookSQLite
import Exchange
import Testing

@Suite("The trading floor")
struct TradingFloorTests {
    private func flow(seed: UInt64, orders: Int = 2_500) -> OrderFlow {
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = orders
        configuration.traders = 15
        configuration.arrivalsPerRound = 60
        return OrderFlow(configuration)
    }

    @discardableResult
    private func record(_ flow: inout OrderFlow, in store: any EventStore, rounds: Int = .max) async throws -> Position
    {
        let floor = TradingFloor(in: store)
        var position = try await floor.record(flow.openings, named: "\(flow.name):open").position
        var round = 0
        while round < rounds, let next = try flow.nextRound() {
            round += 1
            position = try await floor.record(next, named: "\(flow.name):\(round)").position
        }
        return position
    }

    private func check(_ flow: OrderFlow, in store: any EventStore) async throws {
        let floor = TradingFloor(in: store)
        for listing in flow.configuration.listings {
            let book = try await floor.books.state(of: listing.instrument.rawValue).state
            #expect(book == flow.book(of: listing.instrument))
        }
        for (account, cash, holdings) in flow.accounts() {
            #expect(try await floor.cash.state(of: account.rawValue).state == cash)
            #expect(try await floor.holdings.state(of: account.rawValue).state == holdings)
        }
    }

    @Test("records a day that equals the flow's own, whichever append is faster", arguments: seeds(3))
    func recordsDay(seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var flow = flow(seed: seed)
        try await record(&flow, in: store)
        try await check(flow, in: store)
    }

    @Test("goes on with a day that was interrupted, and does nothing twice")
    func resumes() async throws {
        let store = InMemoryEventStore()
        var begun = flow(seed: 5)
        try await record(&begun, in: store, rounds: 4)
        var whole = flow(seed: 5)
        try await record(&whole, in: store)
        try await check(whole, in: store)
        let head = try await store.head()
        var again = flow(seed: 5)
        try await record(&again, in: store)
        #expect(try await store.head() == head)
    }

    @Test("keeps read models that agree with the books and the accounts, on a store that is opened again")
    func readModels() async throws {
        let folder = try Folder()
        var store = try await SQLiteEventStore.open(folder.path + "/day.daybook")
        var flow = flow(seed: 6)
        let models = try await MarketReadModels(of: store, in: store)
        let following = Task { try await models.run() }
        let position = try await record(&flow, in: store)
        try await models.wait(for: position)
        following.cancel()
        try await following.value
        let before = try await models.accounts()
        await store.close()

        store = try await SQLiteEventStore.open(folder.path + "/day.daybook")
        try await check(flow, in: store)
        let opened = try await MarketReadModels(of: store, in: store)
        #expect(try await opened.accounts() == before)
        for (account, cash, holdings) in flow.accounts() {
            let statement = try #require(before.first { $0.account == account })
            #expect(statement.cash.available == cash.available)
            #expect(statement.cash.total == cash.total)
            for listing in flow.configuration.listings {
                let position = statement.holdings.positions[listing.instrument.rawValue]
                #expect(position?.total == holdings.total(of: listing.instrument))
                #expect(position?.available == holdings.available[listing.instrument])
            }
        }
        for listing in flow.configuration.listings {
            let board = try #require(try await opened.quotes.document(listing.instrument.rawValue))
            let book = try #require(flow.book(of: listing.instrument))
            #expect(board.quote == book.quote)
            #expect(Int64(board.trades) == book.executions)
            let trades = try await opened.trades.documents(
                after: TradeTape.key(listing.instrument, .first), limit: 10_000
            ).filter { $0.key.hasPrefix("\(listing.instrument)/") }
            #expect(trades.count == board.trades)
            #expect(trades.reduce(0) { $0 + $1.document.quantity } == board.volume)
            #expect(trades.last?.document.price == board.last)
        }
        await store.close()
    }

    @Test("tells an order's whole story: hold, submission, executions, settlement, each with its cause")
    func story() async throws {
        let store = InMemoryEventStore()
        var flow = flow(seed: 7, orders: 8_000)
        try await record(&flow, in: store)
        let story = try await OrderStory(of: flow.eventfulOrder, in: store)
        let types = story.steps.map(\.type.rawValue)
        #expect(types.first?.hasSuffix(".held") == true)
        #expect(types.contains("book.submitted"))
        #expect(types.contains("book.executed"))
        #expect(types.contains("book.deleted"))
        #expect(types.last?.hasSuffix(".released") == true)
        #expect(story.steps.allSatisfy { $0.actor != nil && $0.reason != nil && $0.correlationID != nil })
        let places = Set(story.steps.map(\.event))
        for step in story.steps where step.type != "book.executed" && step.actor == "clearing house" {
            #expect(step.causationID.map(places.contains) == true, "\(step)")
        }
        let submission = try #require(story.steps.first { $0.type == "book.submitted" })
        #expect(submission.causationID == story.steps.first?.event)
        #expect(try await OrderStory(of: 99_999_999, in: store).steps.isEmpty)
    }
}
