import DaybookTesting
import Exchange
import Testing

@Suite("A coupon payment")
struct CouponPaymentTests {
    private func due(_ date: CalendarDate, _ holders: [AccountID: Quantity]) -> CouponPayment.Command {
        .fallDue(of: MapleBond.symbol, terms: MapleBond.terms, on: date, holders: holders)
    }

    @Test("falls due to everyone who holds the bond, once")
    func fallsDue() {
        let event = Scenario(CouponPayment.self).when(due("2026-05-15", ["B": 4, "A": 6, "C": 0]))
        let events = (try? event.result.get()) ?? []
        guard case .fellDue(MapleBond.symbol, "2026-05-15", "MAPLE", let holders)? = events.first else {
            Issue.record("\(events)")
            return
        }
        #expect(holders.map(\.account) == ["A", "B"])
        #expect(holders.map(\.quantity) == [6, 4])
        #expect(holders.map(\.amount) == [1_500_000, 1_000_000])  // 25 dollars each.
        Scenario(CouponPayment.self).given(events).when(due("2026-05-15", ["C": 10])).thenNothing()
    }

    @Test("is refused on another day, without holders, and beyond the bounds of money")
    func rejections() {
        let nothing = Scenario(CouponPayment.self)
        nothing.when(due("2026-05-16", ["A": 1]))
            .thenRejected(.noCouponDate("2026-05-16", bond: MapleBond.symbol, since: "2026-05-15"))
        nothing.when(due("2026-05-15", [:])).thenRejected(.noHolders(bond: MapleBond.symbol))
        // $25 each: four billion bonds are $100 billion.
        nothing.when(due("2026-05-15", ["A": 2_000_000_000, "B": 2_000_000_001]))
            .thenRejected(.amountOutOfBounds(bond: MapleBond.symbol))
        nothing.when(due("2026-05-15", ["A": .max])).thenRejected(.amountOutOfBounds(bond: MapleBond.symbol))
    }
}
