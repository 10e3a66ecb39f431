import Daybook
import DaybookTesting
import Foundation
import Synchronization
import Testing

@Suite("A scenario")
struct ScenarioTests {
    @Test("passes when the decider does as stated")
    func passes() {
        Scenario(CashAccount.self)
            .given(.deposited(amount: 10)).given(.withdrawn(amount: 4))
            .when(.withdraw(amount: 6))
            .then(.withdrawn(amount: 6))
            .thenState(CashAccount.State(balance: 0, eventCount: 3))
        Scenario(CashAccount.self)
            .when(.withdraw(amount: 1))
            .thenRejected(.insufficientCash(requested: 1, available: 0))
            .thenState(CashAccount.initialState)
        Scenario(CashAccount.self).given(.closed).when(.close).thenNothing()
    }

    @Test("records what was expected and what happened")
    func fails() {
        let outcome = Scenario(CashAccount.self).given(.deposited(amount: 10)).when(.withdraw(amount: 6))
        expectIssue(saying: ["withdrawn(amount: 5)", "withdrawn(amount: 6)", "deposited(amount: 10)"]) {
            outcome.then(.withdrawn(amount: 5))
        }
        expectIssue(saying: ["nothing", "withdrawn(amount: 6)"]) { outcome.thenNothing() }
        expectIssue(saying: ["rejected: closed", "withdrawn(amount: 6)"]) { outcome.thenRejected(.closed) }
        expectIssue(saying: ["balance: 7", "balance: 4"]) {
            outcome.thenState(CashAccount.State(balance: 7, eventCount: 2))
        }
        expectIssue(saying: ["rejected: closed"]) {
            Scenario(CashAccount.self).given(.closed).when(.deposit(amount: 1)).then(.deposited(amount: 1))
        }
    }

    @Test("notices a decider that is not a pure function")
    func impure() {
        expectIssue(saying: ["Dice.decide is not deterministic"]) { Scenario(Dice.self).when(.roll).thenState(0) }
    }

    @Test("notices events that do not survive being written")
    func lossy() {
        expectIssue(saying: ["Lossy do not survive", "Decoding"]) { Scenario(Lossy.self).when(()).thenState(.init()) }
    }
}

/// A decider that takes chance from outside.
private enum Dice: Decider {
    enum Event: DomainEvent { case rolled(Int) }
    enum Command: Sendable { case roll }
    enum Rejection: Error {}
    static let counter = Mutex(0)
    static let initialState = 0

    static func decide(_ command: Command, in state: Int) throws(Rejection) -> [Event] {
        [
            .rolled(
                counter.withLock { counter in
                    counter += 1
                    return counter
                })
        ]
    }

    static func evolve(_ state: inout Int, with event: Event) {}
}

/// A decider whose events forget a part of themselves on the wire.
private enum Lossy: Decider {
    struct State: Sendable, Equatable { var name = "" }
    enum Event: DomainEvent {
        case named(Name)
    }
    struct Name: Codable, Sendable {
        var text: String
        init(text: String) { self.text = text }
        init(from decoder: any Decoder) throws {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "Decoding fails."))
        }
    }
    enum Rejection: Error {}
    static let initialState = State()

    static func decide(_ command: Void, in state: State) throws(Rejection) -> [Event] { [.named(Name(text: "a"))] }
    static func evolve(_ state: inout State, with event: Event) {}
}
