import Daybook
import DaybookCore
import DaybookTesting
import Exchange
import Synchronization
import Testing

@Suite("Recorded reservations, decided again under another limit")
struct PositionLimitReplayTests {
    @Test(
        "tell which orders would have been refused, and which not, on what their owner had then",
        arguments: TestStore.all)
    func orders(_ make: TestStore) async throws {
        let store = try await make()
        let desk = OrderDesk(in: store, positionLimit: 100, recording: .all)
        let floor = TradingFloor(in: store)
        try await desk.books.handle(.open(Opening(instrument: "X", session: "2026-01-05")), id: "X")
        try await floor.holdings.handle(.deposit(30, of: "X"), id: "A")
        for account in ["A", "A.margin"] { try await floor.cash.handle(.deposit(.dollars(1_000)), id: account) }
        func buy(_ order: OrderID, _ quantity: Quantity, on account: AccountID) async throws {
            try await desk.submit(
                NewOrder(id: order, side: .buy, limit: 10_000, quantity: quantity), on: account, of: "X")
        }
        try await buy(1, 40, on: "A")
        try await buy(2, 30, on: "A.margin")
        let rejection = BoundaryError<PositionLimit.Rejection>.rejected(
            .beyondLimit("X", owner: "A", requested: 10, held: 30, reserved: 70, limit: 100))
        await #expect(throws: rejection) { try await buy(3, 10, on: "A") }
        let head = try await store.head()

        let same = try await PositionLimit.replay(under: 100, in: store).run()
        #expect(same.commandCount == 3 && same.differenceCount == 0)
        let lower = try await PositionLimit.replay(under: 70, in: store).run()
        #expect(lower.counts == [.nowRejected: 1, .otherReason: 1])
        let refused = try #require(lower.differences.first)
        #expect(refused.command == .reserve(30, of: "X", for: 2, on: "A.margin", limit: 70))
        #expect(
            refused.replayed
                == .rejected(
                    "30 shares of X are asked for; A has 30 and 40 on order over all its accounts, and may have 70: order "
                        + "less, or delete an order."))
        #expect(try await PositionLimit.replay(under: 69, in: store).run().counts[.nowRejected] == 2)
        let higher = try await PositionLimit.replay(under: 110, in: store).run()
        #expect(higher.counts == [.nowCarriedOut: 1])
        #expect(try await store.head() == head, "A replay records nothing")
    }

    @Test("are refused where a fold of the log says so", arguments: TestStore.all, seeds(2))
    func fold(_ make: TestStore, seed: UInt64) async throws {
        let store = try await make()
        let limits = BoundaryHandler(PositionLimit.self, in: store).recording(.carriedOut, in: PositionLimit.records)
        let floor = TradingFloor(in: store)
        var random = SplitMix64(seed: seed)
        let accounts: [AccountID] = ["A", "A.margin", "B", "C", "C.other"]
        for number in 1...120 {
            let account = accounts[Int.random(in: 0..<accounts.count, using: &random)]
            let quantity = Quantity(Int64.random(in: 1...30, using: &random))
            let order = OrderID(Int64(Int.random(in: 1...number, using: &random)))
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try await limits.handle(.release(quantity, for: order, on: account))
            case 1: try await floor.holdings.handle(.deposit(quantity, of: "X"), id: account.rawValue)
            default:
                let reservation = PositionLimit.Command.reserve(
                    quantity, of: "X", for: OrderID(Int64(number)), on: account, limit: 10_000)
                try await limits.handle(reservation)
            }
        }
        let reader = PositionLimit.Event.makeReader()
        for limit in [50, 200, 400, 10_000] as [Quantity] {
            var owners: [OwnerID: PositionLimit.State] = [:]
            var expected: [OrderID] = []
            for try await recorded in store.events(
                filter: EventFilter(categories: [PositionLimit.category, Holdings.category]))
            {
                let owner = AccountID(rawValue: String(try #require(recorded.stream.id))).owner
                for event in try reader.decode(recorded) {
                    var state = owners[owner] ?? PositionLimit.State()
                    if case .position(.reserved(let order, _, _, let quantity)) = event,
                        (state.held["X"] ?? 0) + state.reserved(of: "X") + quantity > limit
                    {
                        expected.append(order)
                    }
                    PositionLimit.evolve(&state, with: event, of: recorded.stream)
                    owners[owner] = state
                }
            }
            let report = try await PositionLimit.replay(under: limit, in: store).run()
            let refused = report.differences.map { difference in
                if case .reserve(_, _, let order, _, _) = difference.command { order } else { OrderID(0) }
            }
            #expect(refused == expected, "seed \(seed), limit \(limit)")
            #expect(report.counts == (expected.isEmpty ? [:] : [.nowRejected: expected.count]))
            #expect(expected.isEmpty == (limit == 10_000), "seed \(seed), limit \(limit)")
        }
    }

    @Test("are no part of what the market tells, and can be read with the rest of the log", arguments: TestStore.all)
    func market(_ make: TestStore) async throws {
        let clock = MarketClock(at: ScriptedMarket.opening)
        let store = try await make(time: clock.source)
        let told = Mutex<Set<StreamName>>([])
        try await ScriptedMarket(in: store, models: store, clock: clock, recording: .all).play { line in
            if case .event(_, _, let reference) = line { told.withLock { _ = $0.insert(reference.stream) } }
        }
        #expect(told.withLock { $0.contains("position-ANNA") && !$0.contains(PositionLimit.records) })
        let report = try await DecodingReport(reading: ExchangeEvent.self, from: store, filter: .all)
        #expect(report.failures.isEmpty)
        let records = try await store.readPage(
            of: PositionLimit.records, from: .start, direction: .forward, limit: 100
        ).events
        #expect(records.map(\.type).contains("command.rejected") && records.count > 3)
        for record in records { #expect(try EventExport().events(of: record).isEmpty) }
    }
}
