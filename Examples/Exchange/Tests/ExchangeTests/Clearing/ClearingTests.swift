import Daybook
import DaybookTesting
import Testing

@testable import Exchange

@Suite("Clearing a trade")
struct ClearingTests {
    private static let execution = OrderBook.Event.executed(
        execution: "X#1", order: 1, account: "S", side: .sell, price: 1_000, quantity: 10, against: 2, by: "B",
        limit: 1_200)
    private static let paid = ClearingInput.cash(.paid(amount: 10_000, saved: 2_000, order: 2, execution: "X#1"))
    private static let delivered = ClearingInput.holdings(
        .delivered(instrument: "X", quantity: 10, order: 1, execution: "X#1"))
    private static let cashReceived = ClearingInput.cash(.received(amount: 10_000, order: 1, execution: "X#1"))
    private static let sharesReceived = ClearingInput.holdings(
        .received(instrument: "X", quantity: 10, order: 2, execution: "X#1"))
    private static let refunded = ClearingInput.cash(.refunded(amount: 10_000, order: 2, execution: "X#1"))
    private static let returned = ClearingInput.holdings(
        .returned(instrument: "X", quantity: 10, order: 1, execution: "X#1"))

    /// A trade whose answers come in an order that a seed decides, and all that it led to so far.
    private struct Story {
        var state = Clearing.initialState
        var actions: [Clearing.Action] = []

        var sent: [ClearingCommand] {
            actions.compactMap { if case .send(let command) = $0 { command } else { nil } }
        }
        var recorded: [ClearingEvent] {
            actions.compactMap { if case .record(let event) = $0 { event } else { nil } }
        }
        var hasDeadline: Bool {
            var isSet = false
            for action in actions {
                switch action {
                case .setDeadline: isSet = true
                case .cancelDeadline: isSet = false
                default: break
                }
            }
            return isSet
        }

        mutating func take(_ new: [Clearing.Action]) {
            actions += new
            for case .record(let event) in new { Clearing.evolve(&state, with: event) }
        }

        mutating func follow(_ input: ClearingInput) { take(Clearing.react(to: input, in: state)) }

        mutating func passDeadline() { take(Clearing.react(toDeadline: Clearing.deadline, in: state)) }
    }

    private let pay = ClearingCommand.pay(amount: 10_000, saved: 2_000, account: "B", order: 2, execution: "X#1")
    private let deliver = ClearingCommand.deliver(quantity: 10, account: "S", order: 1, execution: "X#1")
    private let refund = ClearingCommand.refund(amount: 10_000, account: "B", order: 2, execution: "X#1")
    private let giveBack = ClearingCommand.giveBack(
        quantity: 10, instrument: "X", account: "S", order: 1, execution: "X#1")
    private let release = ClearingCommand.releaseReservation(quantity: 10, account: "B", order: 2)

    private let receiveCash = ClearingCommand.receiveCash(amount: 10_000, account: "S", order: 1, execution: "X#1")
    private let receiveShares = ClearingCommand.receiveShares(
        quantity: 10, instrument: "X", account: "B", order: 2, execution: "X#1")

    private func reversed(_ reason: String) -> Clearing.Action {
        .record(.reversed(execution: "X#1", buying: 2, selling: 1, reason: reason))
    }

    private let begun = ProcessScenario(Clearing.self).given(.book(Self.execution))

    @Test("asks both sides to give, and then both to receive")
    func settles() throws {
        let trade = try #require(ClearingTrade(Self.execution))
        ProcessScenario(Clearing.self)
            .when(.book(Self.execution))
            .then(
                .record(.begun(trade: trade)), .send(pay), .send(deliver),
                .setDeadline(Clearing.deadline, after: .seconds(120))
            )
            .when(Self.paid).then(.record(.carriedOut(step: .payment))).thenDeadlines(Clearing.deadline)
            .when(Self.delivered)
            .then(
                .record(.carriedOut(step: .delivery)), .send(receiveCash), .send(receiveShares),
                .cancelDeadline(Clearing.deadline)
            )
            .thenDeadlines()
            .when(Self.sharesReceived).then(.record(.carriedOut(step: .receipt)))
            .when(Self.cashReceived)
            .then(
                .record(.carriedOut(step: .proceeds)), .record(.settled(execution: "X#1", buying: 2, selling: 1)))
    }

    @Test("gives the money back when the seller refuses after the buyer has paid")
    func sellerRefusesPaid() {
        begun.given(Self.paid).whenRejected(deliver, reason: "no shares")
            .then(
                .record(.refused(step: .delivery, reason: "no shares")), .send(release), .send(refund)
            )
            .when(Self.refunded)
            .then(
                .record(.carriedOut(step: .refund)), reversed("no shares"), .cancelDeadline(Clearing.deadline))
    }

    @Test("waits for the buyer when the seller refuses first, and gives the money back")
    func sellerRefuses() {
        begun.whenRejected(deliver, reason: "no shares")
            .then(.record(.refused(step: .delivery, reason: "no shares")), .send(release))
            .thenDeadlines(Clearing.deadline)
            .when(Self.paid)
            .then(.record(.carriedOut(step: .payment)), .send(refund))
            .when(Self.refunded)
            .then(
                .record(.carriedOut(step: .refund)), reversed("no shares"), .cancelDeadline(Clearing.deadline))
    }

    @Test("ends with nothing to make up for when both refuse, for the first reason")
    func bothRefuse() {
        begun.whenRejected(pay, reason: "no cash")
            .then(.record(.refused(step: .payment, reason: "no cash")), .send(release))
            .whenRejected(deliver, reason: "no shares")
            .then(
                .record(.refused(step: .delivery, reason: "no shares")), reversed("no cash"),
                .cancelDeadline(Clearing.deadline))
    }

    @Test("cannot do without what an account is to take in")
    func unexpected() {
        begun.given(Self.paid, Self.delivered).whenRejected(receiveCash, reason: "no such account")
            .thenRefused(reason: "S is to receive 1.00 (X#1)")
    }

    @Test("reverses what was done when a side is silent, and makes up for what it does later")
    func overdue() {
        let reason = "B has not paid within 120 seconds"
        begun.given(Self.delivered).whenDeadline(Clearing.deadline)
            .then(
                .record(.overdue(reason: reason)), .send(release), .send(giveBack), .cancelDeadline(Clearing.deadline)
            )
            .when(Self.returned).then(.record(.carriedOut(step: .giveBack)), reversed(reason))
            .when(Self.paid).then(.record(.carriedOut(step: .payment)), .send(refund))
            .when(Self.refunded).then(.record(.carriedOut(step: .refund)))
    }

    @Test("ends at the deadline when nobody has answered")
    func silence() {
        let reason = "B has not paid, and S has not delivered within 120 seconds"
        begun.whenDeadline(Clearing.deadline)
            .then(
                .record(.overdue(reason: reason)), .send(release), reversed(reason),
                .cancelDeadline(Clearing.deadline))
    }

    @Test("takes an answer once, and passes over executions that are not its own")
    func repeats() {
        ProcessScenario(Clearing.self).when(Self.paid).thenNothing().when(Self.delivered).thenNothing()
            .when(
                .book(
                    .executed(
                        execution: "X#1", order: nil, account: nil, side: .sell, price: 1_000, quantity: 10, against: 2,
                        by: "B", limit: 1_200))
            ).thenNothing()
        begun.when(.book(Self.execution)).thenNothing()
        begun.given(Self.paid).when(Self.paid).thenNothing()
    }

    @Test(
        "sends each command once and leaves nothing between the sides, in whatever order answers come",
        arguments: seeds(200))
    func orders(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var story = Story()
        story.follow(.book(Self.execution))
        var carriedOut = 0
        var ledger: Set<ClearingStep> = []
        var waiting: [ClearingCommand] = []
        while true {
            waiting += story.sent[carriedOut...]
            carriedOut = story.sent.count
            #expect(Set(story.sent).count == story.sent.count, "seed \(seed)")
            #expect(story.hasDeadline == story.state.isWaiting, "seed \(seed)")
            if waiting.isEmpty {
                guard story.hasDeadline else { break }
                story.passDeadline()
                continue
            }
            if random.oneIn(5) { story.passDeadline() }
            let command = waiting.remove(at: Int.random(in: waiting.indices, using: &random))
            let mayFail = random.oneIn(3)
            switch command {
            case .pay, .deliver:
                guard !mayFail else {
                    story.take(try Clearing.react(toRejectionOf: command, reason: "no", in: story.state))
                    continue
                }
                ledger.insert(command == pay ? .payment : .delivery)
                story.follow(command == pay ? Self.paid : Self.delivered)
            case .receiveCash:
                ledger.insert(.proceeds)
                story.follow(Self.cashReceived)
            case .receiveShares:
                ledger.insert(.receipt)
                story.follow(Self.sharesReceived)
            case .refund:
                ledger.insert(.refund)
                story.follow(Self.refunded)
            case .giveBack:
                ledger.insert(.giveBack)
                story.follow(Self.returned)
            case .releaseReservation: break
            }
        }
        let isSettled = ledger == [.payment, .delivery, .proceeds, .receipt]
        #expect(story.state.end == (isSettled ? .settled : .reversed), "seed \(seed)")
        if !isSettled {
            #expect(ledger.contains(.payment) == ledger.contains(.refund), "seed \(seed)")
            #expect(ledger.contains(.delivery) == ledger.contains(.giveBack), "seed \(seed)")
            #expect(!ledger.contains(.proceeds) && !ledger.contains(.receipt), "seed \(seed)")
        }
        let ends = story.recorded.count {
            switch $0 {
            case .settled, .reversed: true
            default: false
            }
        }
        #expect(ends == 1, "seed \(seed)")
    }
}
