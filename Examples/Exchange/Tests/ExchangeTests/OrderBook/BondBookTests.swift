import DaybookTesting
import Exchange
import Testing

@Suite("The book of a bond")
struct BondBookTests {
    // On this day each bond has accrued 69,444 ten-thousandths of a dollar, in 50 days.
    private let book = Scenario(OrderBook.self).given(MapleBond.opened("2026-01-05"))
    private func offer(_ id: OrderID, _ quantity: Quantity) -> OrderBook.Event {
        .submitted(
            order: id, account: "S", side: .sell, limit: 9_850_000, quantity: quantity, resting: quantity)
    }

    @Test("says with each execution what interest the buyer owes the seller beside the clean price")
    func executes() {
        book.given(offer(1, 3), offer(2, 10))
            .when(.submit(NewOrder(id: 3, account: "B", side: .buy, limit: 9_860_000, quantity: 5)))
            .then(
                .submitted(order: 3, account: "B", side: .buy, limit: 9_860_000, quantity: 5, resting: 0),
                .executed(
                    execution: "MAPLE31#1", order: 1, account: "S", side: .sell, price: 9_850_000, quantity: 3,
                    against: 3, by: "B", limit: 9_860_000),
                .interestAccrued(
                    execution: "MAPLE31#1", buying: 3, buyer: "B", selling: 1, seller: "S", quantity: 3,
                    since: "2025-11-15", through: "2026-01-05", amount: 208_332),
                .executed(
                    execution: "MAPLE31#2", order: 2, account: "S", side: .sell, price: 9_850_000, quantity: 2,
                    against: 3, by: "B", limit: 9_860_000),
                .interestAccrued(
                    execution: "MAPLE31#2", buying: 3, buyer: "B", selling: 2, seller: "S", quantity: 2,
                    since: "2025-11-15", through: "2026-01-05", amount: 138_888))
    }

    @Test("owes the interest to who sells, also when the buyer's order waited")
    func restingBuyer() {
        book.given(
            .submitted(order: 1, account: "B", side: .buy, limit: 9_850_000, quantity: 4, resting: 4)
        )
        .when(.submit(NewOrder(id: 2, account: "S", side: .sell, limit: 9_850_000, quantity: 4)))
        .then(
            .submitted(order: 2, account: "S", side: .sell, limit: 9_850_000, quantity: 4, resting: 0),
            .executed(
                execution: "MAPLE31#1", order: 1, account: "B", side: .buy, price: 9_850_000, quantity: 4, against: 2,
                by: "S", limit: 9_850_000),
            .interestAccrued(
                execution: "MAPLE31#1", buying: 1, buyer: "B", selling: 2, seller: "S", quantity: 4,
                since: "2025-11-15", through: "2026-01-05", amount: 277_776))
    }

    @Test("needs no interest on a coupon date, and none of what a share is")
    func withoutInterest() {
        for opened in [
            MapleBond.opened("2026-05-15"),
            .opened(instrument: "MAPLE31", session: "2026-01-05", bids: [], asks: [], kind: .share),
        ] {
            Scenario(OrderBook.self).given(opened, offer(1, 3))
                .when(.submit(NewOrder(id: 3, account: "B", side: .buy, limit: 9_850_000, quantity: 3)))
                .then(
                    .submitted(order: 3, account: "B", side: .buy, limit: 9_850_000, quantity: 3, resting: 0),
                    .executed(
                        execution: "MAPLE31#1", order: 1, account: "S", side: .sell, price: 9_850_000, quantity: 3,
                        against: 3, by: "B", limit: 9_850_000))
        }
    }

    @Test("spares the interest on what an order to buy is reduced by")
    func reduces() {
        book.given(.submitted(order: 1, account: "B", side: .buy, limit: 9_850_000, quantity: 4, resting: 4))
            .when(.reduce(1, by: 3))
            .then(
                .reduced(order: 1, account: "B", side: .buy, price: 9_850_000, quantity: 3),
                .interestSpared(order: 1, account: "B", amount: 208_332))
        book.given(offer(1, 4)).when(.reduce(1, by: 3))
            .then(.reduced(order: 1, account: "S", side: .sell, price: 9_850_000, quantity: 3))
    }

    @Test("makes an order to buy hold its price and the interest")
    func cost() {
        let state = book.when(.resume).state
        #expect(state.cost(of: 3, at: 9_850_000) == 29_758_332)  // 3 × (985.0000 + 6.9444)
    }

    @Test("opens for terms that a bond can have, on a day on which it can be traded")
    func rejections() {
        func open(_ session: Session, _ change: (inout BondTerms) -> Void = { _ in }) -> OrderBook.Command {
            var terms = MapleBond.terms
            change(&terms)
            return .open(Opening(instrument: "MAPLE31", session: session, kind: .bond(terms: terms)))
        }
        let nothing = Scenario(OrderBook.self)
        nothing.when(open("2026-01-05")).then(MapleBond.opened("2026-01-05"))
        nothing.when(open("monday")).thenRejected(.sessionWithoutDate("monday"))
        for session in ["2021-11-14", "2031-11-15"] as [Session] {
            nothing.when(open(session))
                .thenRejected(.sessionOutsideTerm(session, issued: "2021-11-15", maturity: "2031-11-15"))
        }
        nothing.when(open("2026-01-05") { $0.faceValue = 0 }).thenRejected(.notABond(.faceValueOutOfBounds(0)))
        nothing.when(open("2026-01-05") { $0.couponRate = 10_001 })
            .thenRejected(.notABond(.couponRateOutOfBounds(10_001)))
        nothing.when(open("2026-01-05") { $0.couponsPerYear = 3 }).thenRejected(.notABond(.couponsPerYear(3)))
        nothing.when(open("2026-01-05") { $0.issued = $0.maturity })
            .thenRejected(.notABond(.maturityNotLater("2031-11-15", issued: "2031-11-15")))
    }

    @Test("stays the book of that bond")
    func otherKind() {
        let bond = InstrumentKind.bond(terms: MapleBond.terms)
        book.when(.open(Opening(instrument: "MAPLE31", session: "2026-01-05", kind: bond))).thenNothing()
        book.when(.open(Opening(instrument: "MAPLE31", session: "2026-01-06", kind: bond)))
            .then(MapleBond.opened("2026-01-06"))
        book.when(.open(Opening(instrument: "MAPLE31", session: "2026-01-06")))
            .thenRejected(.otherKind(.share, book: bond))
    }
}
