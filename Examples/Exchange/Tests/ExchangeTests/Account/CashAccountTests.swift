import DaybookTesting
import Exchange
import Testing

@Suite("A cash account")
struct CashAccountTests {
    private let funded = Scenario(CashAccount.self).given(.deposited(amount: 100), .held(amount: 60, order: 1))

    @Test("rejects a hold when too little is available")
    func rejects() {
        funded.when(.hold(50, for: 2)).thenRejected(.insufficientCash(requested: 50, available: 40))
        funded.when(.withdraw(41)).thenRejected(.insufficientCash(requested: 41, available: 40))
    }

    @Test("holds once for an order, however often it is asked")
    func repeats() { funded.when(.hold(60, for: 1)).thenNothing() }

    @Test("pays an execution from the hold, and gives back what the better price saved")
    func pays() {
        funded.when(.pay(30, saving: 5, for: 1, in: "X#1"))
            .then(.paid(amount: 30, saved: 5, order: 1, execution: "X#1"))
        funded.given(.paid(amount: 30, saved: 5, order: 1, execution: "X#1"))
            .when(.pay(26, saving: 0, for: 1, in: "X#2"))
            .thenRejected(.insufficientHold(order: 1, requested: 26, held: 25))
        funded.given(.paid(amount: 30, saved: 5, order: 1, execution: "X#1")).when(.withdraw(45))
            .then(.withdrawn(amount: 45))
    }

    @Test("gives back what an order no longer needs")
    func releases() {
        funded.when(.release(20, for: 1)).then(.released(amount: 20, order: 1))
        funded.when(.releaseAll(for: 1)).then(.released(amount: 60, order: 1))
        funded.when(.releaseAll(for: 2)).thenNothing()
        funded.when(.release(61, for: 1)).thenRejected(.insufficientHold(order: 1, requested: 61, held: 60))
    }

    @Test("refuses amounts beyond its bounds", arguments: [0, -1, 1_000_000_000_000_001, .max, .min] as [Int64])
    func bounds(amount: Int64) {
        funded.when(.deposit(Money(amount))).thenRejected(.amountOutOfBounds(Money(amount)))
        funded.when(.withdraw(Money(amount))).thenRejected(.amountOutOfBounds(Money(amount)))
    }
}
