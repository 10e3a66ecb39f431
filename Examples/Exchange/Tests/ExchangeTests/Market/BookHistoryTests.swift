import Daybook
import DaybookCore
import Exchange
import Testing

@Suite("The history of books")
struct BookHistoryTests {
    @Test(
        "has as of any version, position or time the book that a replay of the events so far gives", arguments: seeds(2)
    )
    func equalsReplay(seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = 600
        configuration.traders = 10
        configuration.arrivalsPerRound = 40
        var flow = OrderFlow(configuration)
        let floor = TradingFloor(in: store)
        try await floor.record(&flow)
        let history = BookHistory(in: store)
        let codec = JSONEventCodec<OrderBook.Event>()
        for listing in configuration.listings {
            var book = OrderBook.initialState
            var events: [RecordedEvent] = []
            for try await event in store.events(of: listing.instrument.bookStream) { events.append(event) }
            for (index, event) in events.enumerated() {
                for event in try codec.decode(event) { OrderBook.evolve(&book, with: event) }
                guard index % 23 == 0 else { continue }
                let byVersion = try #require(
                    try await history.book(of: listing.instrument, asOf: .version(event.version)))
                #expect(byVersion.book == book, "seed \(seed), version \(event.version)")
                let byPosition = try await history.book(of: listing.instrument, asOf: .position(event.position))
                #expect(byPosition?.version == event.version)
                let time = try event.marketTime()
                let isLastOfItsTime =
                    try index == events.count - 1 || events[index + 1].marketTime() > time
                guard isLastOfItsTime else { continue }
                let byTime = try await history.book(of: listing.instrument, asOf: .time(time))
                #expect(byTime?.book == book, "seed \(seed), time \(time)")
            }
        }
        let before = try #require(MarketMoment("2026-01-05T09:29:59Z"))
        #expect(try await history.book(of: "ALDER", asOf: before) == nil)
        #expect(try await history.instruments().sorted() == configuration.listings.map(\.instrument).sorted())
    }

    @Test(
        "reads a moment from text",
        arguments: [
            ("latest", .latest), ("v12", .version(12)), ("version:12", .version(12)), ("p7", .position(7)),
            ("position:7", .position(7)), ("1970-01-01T00:00:01Z", .time(Timestamp(microseconds: 1_000_000))),
            ("", nil), ("v", nil), ("v-1", nil), ("12", nil), ("noon", nil), ("p1x", nil),
        ] as [(String, MarketMoment?)])
    func moments(text: String, moment: MarketMoment?) { #expect(MarketMoment(text) == moment) }
}
