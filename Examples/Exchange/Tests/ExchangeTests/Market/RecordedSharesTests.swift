import Daybook
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Exchange
import Foundation
import Testing

@Suite("What was recorded before there were bonds")
struct RecordedSharesTests {
    @Test("is all of version 1, and can be read to the last event", arguments: StoreKind.allCases)
    func reads(kind: StoreKind) async throws {
        try await kind.withStore { store in
            let recorded = try RecordedShares()
            try await recorded.append(to: store)
            let report = try await DecodingReport(reading: ExchangeEvent.self, from: store, filter: .all)
            #expect(report.failures.isEmpty)
            #expect(report.eventCounts.values.reduce(0, +) == recorded.lines.count)
            #expect(report.eventCounts.keys.allSatisfy { $0.schemaVersion == 1 })
            #expect(report.eventCounts[DecodingReport.Kind(type: "book.opened", schemaVersion: 1)] == 2)

            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../..")
            let lock = try SchemaLock(parsing: Data(contentsOf: root.appendingPathComponent("schema.lock.json")))
            let locked = try await DecodingReport(reading: store, by: SchemaLockReader(lock))
            #expect(locked.failures.isEmpty)
        }
    }

    @Test("means what it meant: the same books of shares, accounts and read models", arguments: StoreKind.allCases)
    func means(kind: StoreKind) async throws {
        try await kind.withStore { store in
            try await RecordedShares().append(to: store)
            var flow = OrderFlow(RecordedShares.configuration)
            for _ in 0..<RecordedShares.rounds { _ = try flow.nextRound() }
            try await check(flow, in: store)
            // The quotes that the program printed then.
            let alder = try await #require(BookHistory(in: store).book(of: "ALDER", asOf: .latest)).book
            #expect(alder.kind == .share)
            #expect(
                alder.quote
                    == Quote(
                        bid: Quote.Level(price: 1_251_200, quantity: 1_800),
                        ask: Quote.Level(price: 1_251_300, quantity: 234)))
            #expect(alder.orderCount == 44)
            let boards = try await ProjectionHistory(Quotes(), of: store).documents()
            #expect(boards["ALDER"]?.quote == alder.quote)
            let cash = try await ProjectionHistory(CashBalances(), of: store).documents()
            for (account, state, _) in flow.accounts() {
                #expect(cash[account.rawValue]?.available == state.available)
                #expect(cash[account.rawValue]?.total == state.total)
            }
        }
    }

    @Test(
        "is what today's program records of the same day, byte for byte but for the openings",
        arguments: StoreKind.allCases)
    func recordsTheSame(kind: StoreKind) async throws {
        try await kind.withStore { store in
            var flow = OrderFlow(RecordedShares.configuration)
            let floor = TradingFloor(in: store)
            _ = try await floor.record(flow.openings, named: "\(flow.name):open")
            for round in 1...RecordedShares.rounds {
                _ = try await floor.record(#require(flow.nextRound()), named: "\(flow.name):\(round)")
            }
            // Streams are recorded side by side, so that only the order within each is the same.
            var today = Dictionary(grouping: try await RecordedShares.lines(in: store), by: \.stream)
            for (stream, lines) in today {
                // Since then, the events of accounts have the tags of their subject, too.
                let id = stream.id.map { String($0) } ?? ""
                let new: [DaybookCore.Tag] =
                    switch stream.category {
                    case CashAccount.category: CashAccount.tags(ofSubject: id)
                    case Holdings.category: Holdings.tags(ofSubject: id)
                    default: []
                    }
                for (index, line) in lines.enumerated() {
                    #expect(new.allSatisfy(line.tags.contains))
                    today[stream]?[index].tags.removeAll { new.contains($0) }
                }
                for (index, line) in lines.enumerated() where line.type == "book.opened" {
                    #expect(line.schemaVersion == 2)
                    var data = try JSONValue(parsing: line.data.utf8)
                    #expect(data["kind"] == .object(["share": .object([:])]))
                    data["kind"] = nil
                    today[stream]?[index].data = String(decoding: data.bytes, as: UTF8.self)
                    today[stream]?[index].schemaVersion = 1
                }
            }
            #expect(try Dictionary(grouping: RecordedShares().lines, by: \.stream) == today)
        }
    }

    @Test("is gone on with to the end of its day, and traded beside a bond on the next", arguments: StoreKind.allCases)
    func goesOn(kind: StoreKind) async throws {
        try await kind.withStore { store in
            let recorded = try RecordedShares()
            try await recorded.append(to: store)
            let floor = TradingFloor(in: store)
            var flow = OrderFlow(RecordedShares.configuration)
            var round = 0
            while let next = try flow.nextRound() {
                round += 1
                if round > RecordedShares.rounds { _ = try await floor.record(next, named: "\(flow.name):\(round)") }
            }
            #expect(round > RecordedShares.rounds)
            try await check(flow, in: store)

            var tomorrow = Round()
            let context = EventMetadata(actor: "exchange", reason: "the session of 2026-01-06 opens")
            tomorrow.books["ALDER"] = [
                Instruction(.open(Opening(instrument: "ALDER", session: "2026-01-06")), context)
            ]
            _ = try await floor.record(tomorrow, named: "tomorrow")
            #expect(try await floor.books.state(of: "ALDER").state.kind == .share)

            let bonds = BondSession(floor: floor, store: store)
            try await bonds.open("2026-01-06", bonds: ["T001": 10])
            let before = try await floor.cash.state(of: "T001").state.total
            try await bonds.trade(2, at: 9_850_000, from: "T001", to: "T002", orders: (9_001, 9_002))
            let after = try await floor.cash.state(of: "T001").state.total
            #expect(after - before == 19_841_666)  // 2 × 985 dollars, and 51 days of interest: 2 × $7.0833

            // What was there stands as it stood, byte for byte.
            let lines = try await RecordedShares.lines(in: store)
            #expect(Array(lines.prefix(recorded.lines.count)) == recorded.lines)
        }
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
}
