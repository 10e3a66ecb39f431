import Daybook
import DaybookCore
import Exchange
import Testing

@Suite("The coupon desk")
struct CouponDeskTests {
    /// A sells four bonds to B on the eve of a coupon, and B two of them to C on its day.
    private func sessions(in store: any EventStore, issuer: Money) async throws -> TradingFloor {
        let floor = TradingFloor(in: store)
        let session = BondSession(floor: floor, store: store)
        try await session.open(
            "2026-05-14", cash: ["B": .dollars(10_000), "C": .dollars(10_000), "MAPLE": issuer], bonds: ["A": 10])
        try await session.trade(4, at: 9_850_000, from: "A", to: "B", orders: (1, 2))
        try await session.open("2026-05-15")
        try await session.trade(2, at: 9_850_000, from: "B", to: "C", orders: (3, 4))
        return floor
    }

    private func cash(_ floor: TradingFloor) async throws -> [AccountID: Money] {
        var cash: [AccountID: Money] = [:]
        for account in ["A", "B", "C", "MAPLE"] as [AccountID] {
            cash[account] = try await floor.cash.state(of: account.rawValue).state.total
        }
        return cash
    }

    @Test(
        "pays who held the bond before the coupon's day, once, and also when it is late", arguments: StoreKind.allCases)
    func pays(kind: StoreKind) async throws {
        try await kind.withStore { store in
            let floor = try await sessions(in: store, issuer: .dollars(1_000))
            let before = try await cash(floor)
            let outcome = try await CouponDesk(in: store).pay(MapleBond.symbol, on: "2026-05-15")
            #expect(outcome.holders.map(\.account) == ["A", "B"])
            #expect(outcome.holders.map(\.amount) == [.dollars(150), .dollars(100)])
            #expect(outcome.total == .dollars(250))
            #expect(!outcome.isRepeat)
            let after = try await cash(floor)
            #expect(after["A"] == before["A"]! + .dollars(150))
            #expect(after["B"] == before["B"]! + .dollars(100))
            #expect(after["C"] == before["C"]!)
            #expect(after["MAPLE"] == .dollars(750))
            #expect(after.values.reduce(.zero, +) == .dollars(21_000))

            let head = try await store.head()
            #expect(outcome.position == head)
            let again = try await CouponDesk(in: store).pay(MapleBond.symbol, on: "2026-05-15")
            #expect(again.isRepeat)
            #expect(again.holders == outcome.holders)
            #expect(try await store.head() == head)
        }
    }

    @Test("goes on with a payment that stopped half way, for those to whom it fell due", arguments: StoreKind.allCases)
    func goesOn(kind: StoreKind) async throws {
        try await kind.withStore { store in
            let floor = try await sessions(in: store, issuer: .dollars(249))
            let before = try await cash(floor)
            let desk = CouponDesk(in: store)
            await #expect {
                try await desk.pay(MapleBond.symbol, on: "2026-05-15")
            } throws: { error in
                guard case .rejected(let rejection) = error as? CommandError<CashAccount.Rejection> else {
                    return false
                }
                return rejection == .insufficientCash(requested: .dollars(250), available: .dollars(249))
            }
            #expect(try await cash(floor) == before)  // Nobody is paid by an issuer who cannot pay all.

            try await floor.cash.handle(.deposit(.dollars(1)), id: "MAPLE")
            let session = BondSession(floor: floor, store: store)
            try await session.trade(6, at: 9_850_000, from: "A", to: "C", orders: (5, 6))
            let outcome = try await desk.pay(MapleBond.symbol, on: "2026-05-15")
            #expect(outcome.holders.map(\.account) == ["A", "B"])
            #expect(outcome.holders.map(\.quantity) == [6, 4])
            #expect(try await cash(floor)["MAPLE"] == .zero)
        }
    }

    @Test("refuses a day without a coupon, and what is no bond")
    func refuses() async throws {
        let store = InMemoryEventStore()
        _ = try await sessions(in: store, issuer: .dollars(1_000))
        let desk = CouponDesk(in: store)
        await #expect(throws: CommandError<CouponPayment.Rejection>.self) {
            try await desk.pay(MapleBond.symbol, on: "2026-05-16")
        }
        await #expect(throws: CouponDesk.NoBond.self) { try await desk.pay("MAPLE", on: "2026-05-15") }
        #expect(
            try await store.streams(after: nil, limit: 100).contains { $0.category == CouponPayment.category } == false)
    }

    @Test("keeps all cash over a day of trades and two coupons", arguments: seeds(3))
    func conserves(seed: UInt64) async throws {
        let store = InMemoryEventStore()
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = 600
        configuration.traders = 10
        configuration.arrivalsPerRound = 50
        configuration.listings = [.examples[1], .bondExample]
        var flow = OrderFlow(configuration)
        let floor = TradingFloor(in: store)
        _ = try await floor.record(flow.openings, named: "open")
        let all = try await total(in: store)
        var round = 0
        while let next = try flow.nextRound() {
            round += 1
            _ = try await floor.record(next, named: "round-\(round)")
            #expect(try await total(in: store) == all, "seed \(seed), round \(round)")
        }
        for date in ["2026-05-15", "2026-11-15"] as [CalendarDate] {
            let outcome = try await CouponDesk(in: store).pay(MapleBond.symbol, on: date)
            // Every bond that there is gets its 25 dollars.
            #expect(outcome.total == .dollars(25 * configuration.openingShares * 10), "seed \(seed)")
            #expect(try await total(in: store) == all, "seed \(seed), \(date)")
        }
    }

    private func total(in store: any EventStore) async throws -> Money {
        try await ProjectionHistory(CashBalances(), of: store).documents().values.reduce(.zero) { $0 + $1.total }
    }
}
