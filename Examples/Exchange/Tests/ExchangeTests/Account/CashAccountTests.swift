import DaybookTesting
import Exchange
import Foundation
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

    @Test("takes back what was paid for an execution that is not settled, as cash that is available")
    func refunds() {
        let paid = funded.given(.paid(amount: 60, saved: 0, order: 1, execution: "X#1"))
        paid.when(.refund(60, for: 1, in: "X#1")).then(.refunded(amount: 60, order: 1, execution: "X#1"))
        paid.given(.refunded(amount: 60, order: 1, execution: "X#1")).when(.withdraw(100))
            .then(.withdrawn(amount: 100))
    }

    @Test("survives being saved and read as a snapshot")
    func snapshot() throws {
        let state = funded.when(.hold(40, for: 2)).state
        #expect(try JSONDecoder().decode(CashAccount.State.self, from: JSONEncoder().encode(state)) == state)
    }

    @Test("has an owner: the part of its name before the first dot")
    func owner() {
        #expect(AccountID("T017").owner == "T017")
        #expect(AccountID("T017.margin").owner == "T017")
        #expect(AccountID("T017.margin.usd").owner == "T017")
    }

    @Test("refuses amounts beyond its bounds", arguments: [0, -1, 1_000_000_000_000_001, .max, .min] as [Int64])
    func bounds(amount: Int64) {
        funded.when(.deposit(Money(amount))).thenRejected(.amountOutOfBounds(Money(amount)))
        funded.when(.withdraw(Money(amount))).thenRejected(.amountOutOfBounds(Money(amount)))
    }
}
