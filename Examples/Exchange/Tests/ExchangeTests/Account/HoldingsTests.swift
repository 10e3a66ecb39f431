import DaybookTesting
import Exchange
import Testing

@Suite("An account's holdings")
struct HoldingsTests {
    private let owning = Scenario(Holdings.self)
        .given(.deposited(instrument: "A", quantity: 100), .held(instrument: "A", quantity: 60, order: 1))

    @Test("hold no more shares than are available")
    func rejects() {
        owning.when(.hold(41, of: "A", for: 2)).thenRejected(.insufficientShares("A", requested: 41, available: 40))
        owning.when(.hold(1, of: "B", for: 2)).thenRejected(.insufficientShares("B", requested: 1, available: 0))
        owning.when(.hold(60, of: "A", for: 1)).thenNothing()
    }

    @Test("deliver from the hold of the order that sold")
    func delivers() {
        owning.when(.deliver(20, for: 1, in: "A#1"))
            .then(.delivered(instrument: "A", quantity: 20, order: 1, execution: "A#1"))
        owning.when(.deliver(61, for: 1, in: "A#1"))
            .thenRejected(.insufficientHold(order: 1, requested: 61, held: 60))
        owning.given(.delivered(instrument: "A", quantity: 60, order: 1, execution: "A#1"))
            .when(.releaseAll(for: 1)).thenNothing()
    }

    @Test("get back what an order no longer needs")
    func releases() {
        owning.when(.releaseAll(for: 1)).then(.released(instrument: "A", quantity: 60, order: 1))
        owning.when(.release(10, for: 1)).then(.released(instrument: "A", quantity: 10, order: 1))
    }

    @Test("take back what was delivered for an execution that is not settled")
    func returns() {
        let delivered = owning.given(.delivered(instrument: "A", quantity: 60, order: 1, execution: "A#1"))
        delivered.when(.takeBack(60, of: "A", for: 1, in: "A#1"))
            .then(.returned(instrument: "A", quantity: 60, order: 1, execution: "A#1"))
        delivered.given(.returned(instrument: "A", quantity: 60, order: 1, execution: "A#1"))
            .when(.withdraw(100, of: "A")).then(.withdrawn(instrument: "A", quantity: 100))
    }
}
