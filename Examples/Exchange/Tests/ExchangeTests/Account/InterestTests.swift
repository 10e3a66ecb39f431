import DaybookTesting
import Exchange
import Testing

@Suite("Interest in a cash account")
struct InterestTests {
    private let funded = Scenario(CashAccount.self).given(.deposited(amount: 100), .held(amount: 60, order: 1))

    @Test("is paid from the order's hold, beside the price")
    func pays() {
        funded.given(.paid(amount: 50, saved: 2, order: 1, execution: "B#1"))
            .when(.payInterest(8, for: 1, in: "B#1"))
            .then(.interestPaid(amount: 8, order: 1, execution: "B#1"))
        funded.given(.paid(amount: 50, saved: 2, order: 1, execution: "B#1"))
            .when(.payInterest(9, for: 1, in: "B#1"))
            .thenRejected(.insufficientHold(order: 1, requested: 9, held: 8))
        let settled = funded.given(
            .paid(amount: 50, saved: 2, order: 1, execution: "B#1"),
            .interestPaid(amount: 8, order: 1, execution: "B#1"))
        settled.when(.releaseAll(for: 1)).thenNothing()
        settled.when(.withdraw(42)).then(.withdrawn(amount: 42))
    }

    @Test("is spent by who receives it")
    func receives() {
        funded.when(.receiveInterest(8, for: 2, in: "B#1"))
            .then(.interestReceived(amount: 8, order: 2, execution: "B#1"))
        funded.given(.interestReceived(amount: 8, order: 2, execution: "B#1")).when(.withdraw(48))
            .then(.withdrawn(amount: 48))
    }

    @Test("goes as a coupon from the issuer's free cash to the holders'")
    func coupons() {
        funded.when(.payCoupon(41, of: "BOND", on: "2026-05-15"))
            .thenRejected(.insufficientCash(requested: 41, available: 40))
        funded.when(.payCoupon(40, of: "BOND", on: "2026-05-15"))
            .then(.couponPaid(amount: 40, bond: "BOND", date: "2026-05-15"))
        funded.given(.couponPaid(amount: 40, bond: "BOND", date: "2026-05-15")).when(.withdraw(1))
            .thenRejected(.insufficientCash(requested: 1, available: 0))
        funded.given(.couponReceived(amount: 5, bond: "BOND", date: "2026-05-15")).when(.withdraw(45))
            .then(.withdrawn(amount: 45))
    }

    @Test("is refused beyond the bounds of money", arguments: [0, -1, 1_000_000_000_000_001, .max, .min] as [Int64])
    func bounds(amount: Int64) {
        let amount = Money(amount)
        for command in [
            .payInterest(amount, for: 1, in: "B#1"), .receiveInterest(amount, for: 1, in: "B#1"),
            .payCoupon(amount, of: "BOND", on: "2026-05-15"), .receiveCoupon(amount, of: "BOND", on: "2026-05-15"),
        ] as [CashAccount.Command] {
            funded.when(command).thenRejected(.amountOutOfBounds(amount))
        }
    }
}
