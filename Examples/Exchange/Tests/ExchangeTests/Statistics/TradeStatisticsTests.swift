import Daybook
import DaybookCore
import DaybookGRDB
import DaybookTesting
import Exchange
import ExchangeStatistics
import Foundation
import GRDB
import Testing

@Suite("Trade statistics in SQL")
struct TradeStatisticsTests {
    private typealias Line = TradeStatistics.Line

    /// The same, folded from every event of the books by hand.
    private func expected(of log: any EventStore) async throws -> [Line] {
        struct Key: Hashable {
            var instrument: Instrument
            var session: Session
        }
        var sessions: [Instrument: Session] = [:]
        var trades: [Key: [(price: Price, quantity: Quantity)]] = [:]
        let reader = OrderBook.Event.makeReader()
        for try await recorded in log.events(filter: EventFilter(categories: [OrderBook.category])) {
            let instrument = Instrument(rawValue: String(try #require(recorded.stream.id)))
            for event in try reader.decode(recorded) {
                let trade: (price: Price, quantity: Quantity)
                switch event {
                case .opened(_, let session, _, _, _):
                    sessions[instrument] = session
                    continue
                case .executed(_, _, _, _, let price, let quantity, _, _, _): trade = (price, quantity)
                case .executionReported(_, _, _, let price, let quantity): trade = (price, quantity)
                case .hiddenExecutionReported(_, let price, let quantity): trade = (price, quantity)
                case .auctionReported(let price, let quantity): trade = (price, quantity)
                case .openingReduced(_, let kind, _, let price, let quantity) where kind == .execution:
                    trade = (price, quantity)
                default: continue
                }
                let session = try #require(sessions[instrument])
                trades[Key(instrument: instrument, session: session), default: []].append(trade)
            }
        }
        return trades.map { key, trades in
            let prices = trades.map(\.price)
            return Line(
                instrument: key.instrument, session: key.session, trades: trades.count,
                shares: trades.reduce(0) { $0 + $1.quantity },
                turnover: trades.reduce(Money.zero) { $0 + $1.price * $1.quantity }, low: prices.min() ?? 0,
                high: prices.max() ?? 0)
        }.sorted { ($0.instrument, $0.session) < ($1.instrument, $1.session) }
    }

    /// A simulated day, with a bond, in rounds.
    private func rounds() throws -> [Round] {
        var configuration = OrderFlow.Configuration()
        configuration.orders = 1_500
        configuration.traders = 8
        configuration.listings.append(OrderFlow.Listing.bondExample)
        configuration.arrivalsPerRound = 40
        var flow = OrderFlow(configuration)
        var rounds = [flow.openings]
        while let round = try flow.nextRound() { rounds.append(round) }
        return rounds
    }

    /// Two sessions of a book that another venue matched, with every kind of trade.
    private func report(_ session: Session, in store: any EventStore) async throws {
        let books = CommandHandler(OrderBook.self, in: store, category: OrderBook.category)
        let bids = [Quote.Level(price: 90_000, quantity: 50)]
        try await books.handle(.open(Opening(instrument: "REP", session: session, bids: bids)), id: "REP")
        let reports: [VenueReport] = [
            .submitted(1, .sell, 100_000, 30), .executed(1, .sell, 100_000, 10), .executed(77, .buy, 90_000, 20),
            .reduced(78, .buy, 90_000, 5), .hiddenExecuted(.buy, 95_000, 7), .auctioned(120_000, 3),
            .deleted(1, .sell, 100_000, 20), .executed(79, .sell, 200_000, 4),
        ]
        for report in reports { try await books.handle(.report(report), id: "REP") }
    }

    @Test(
        "are a fold of the log, and go on with it after a restart, each trade counted once", arguments: TestStore.all)
    func statistics(_ make: TestStore) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/statistics-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try await make()
        let floor = TradingFloor(in: store)
        let rounds = try rounds()
        var former: [Line] = []
        for half in [rounds[..<(rounds.count / 2)], rounds[(rounds.count / 2)...]] {
            for (index, round) in zip(half.indices, half) {
                _ = try await floor.record(round, named: "round-\(index)")
            }
            try await report(half.startIndex == 0 ? "2026-01-05" : "2026-01-06", in: store)
            let database = try DatabasePool(path: folder + "/statistics")
            let runner = try await SQLProjectionRunner(TradeStatistics(), of: store, in: database, batchSize: 50)
            #expect(try await database.read { try TradeStatistics.lines(in: $0) } == former)
            #expect(try await runner.catchUp() == store.head())
            let lines = try await database.read { try TradeStatistics.lines(in: $0) }
            #expect(try await lines == expected(of: store))
            #expect(lines.count > former.count && lines != former)
            former = lines
            try database.close()
        }
        let reported = former.filter { $0.instrument == "REP" }
        #expect(reported.map(\.session) == ["2026-01-05", "2026-01-06"])
        for line in reported {
            #expect(line.trades == 4 && line.shares == 40 && line.low == 90_000 && line.high == 120_000)
            #expect(line.turnover == Money(10 * 100_000 + 20 * 90_000 + 7 * 95_000 + 3 * 120_000))
        }
    }

    @Test("stop before a trade that belongs to no session, or that no sum can hold", arguments: TestStore.all)
    func refuses(_ make: TestStore) async throws {
        let codec = JSONEventCodec<OrderBook.Event>()
        let huge = OrderBook.Event.auctionReported(price: 9_999_999_998, quantity: 900_000_000)
        let opened = OrderBook.Event.opened(instrument: "X", session: "2026-01-05", bids: [], asks: [], kind: .share)
        for (events, reason) in [([huge], "was not opened"), ([opened, huge, huge], "SQLite error 19")] {
            let store = try await make()
            try await store.append(try events.map { NewEvent(try codec.encode($0)) }, to: "book-X")
            let runner = try await SQLProjectionRunner(TradeStatistics(), of: store, in: DatabaseQueue())
            let error = await #expect(throws: ProjectionError.self) { try await runner.catchUp() }
            #expect(error?.description.contains(reason) == true, "\(error?.description ?? "none")")
            #expect(try await runner.position() == Position(Int64(events.count - 1)))
        }
    }
}
