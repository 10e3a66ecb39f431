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

    /// A trade, and all that it led to so far.
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

        mutating func follow(_ inputs: ClearingInput...) {
            for input in inputs { take(Clearing.react(to: input, in: state)) }
        }

        mutating func passDeadline() { take(Clearing.react(toDeadline: Clearing.deadline, in: state)) }

        mutating func refuse(_ index: Int, _ reason: String) throws {
            take(try Clearing.react(toRejectionOf: sent[index], reason: reason, in: state))
        }
    }

    private let pay = ClearingCommand.pay(amount: 10_000, saved: 2_000, account: "B", order: 2, execution: "X#1")
    private let deliver = ClearingCommand.deliver(quantity: 10, account: "S", order: 1, execution: "X#1")
    private let refund = ClearingCommand.refund(amount: 10_000, account: "B", order: 2, execution: "X#1")
    private let giveBack = ClearingCommand.giveBack(
        quantity: 10, instrument: "X", account: "S", order: 1, execution: "X#1")
    private let release = ClearingCommand.releaseReservation(quantity: 10, account: "B", order: 2)

    private func begun() -> Story {
        var story = Story()
        story.follow(.book(Self.execution))
        return story
    }

    @Test("asks both sides to give, and then both to receive")
    func settles() {
        var story = begun()
        #expect(story.sent == [pay, deliver] && story.hasDeadline)
        story.follow(Self.paid)
        #expect(story.sent == [pay, deliver] && story.hasDeadline)
        story.follow(Self.delivered)
        #expect(
            story.sent == [
                pay, deliver, .receiveCash(amount: 10_000, account: "S", order: 1, execution: "X#1"),
                .receiveShares(quantity: 10, instrument: "X", account: "B", order: 2, execution: "X#1"),
            ])
        #expect(!story.hasDeadline)
        story.passDeadline()
        #expect(story.state.failure == nil)
        story.follow(Self.sharesReceived, Self.cashReceived)
        #expect(story.recorded.last == .settled(execution: "X#1", buying: 2, selling: 1))
        #expect(story.state.end == .settled && story.sent.count == 4)
    }

    @Test("gives the money back when the seller refuses, whichever answer comes first", arguments: [true, false])
    func sellerRefuses(paysFirst: Bool) throws {
        var story = begun()
        if paysFirst { story.follow(Self.paid) }
        try story.refuse(1, "no shares")
        if !paysFirst {
            #expect(story.state.end == nil && story.hasDeadline)
            story.follow(Self.paid)
        }
        #expect(Set(story.sent) == [pay, deliver, release, refund] && story.sent.count == 4)
        #expect(story.state.end == nil)
        story.follow(Self.refunded)
        #expect(
            story.recorded.last == .reversed(execution: "X#1", buying: 2, selling: 1, reason: "no shares"))
        #expect(!story.hasDeadline)
    }

    @Test("ends with nothing to make up for when both refuse, for the first reason")
    func bothRefuse() throws {
        var story = begun()
        try story.refuse(0, "no cash")
        try story.refuse(1, "no shares")
        #expect(story.recorded.last == .reversed(execution: "X#1", buying: 2, selling: 1, reason: "no cash"))
        #expect(story.sent == [pay, deliver, release] && !story.hasDeadline)
    }

    @Test("reverses what was done when a side is silent, and makes up for what it does later")
    func overdue() {
        var story = begun()
        story.follow(Self.delivered)
        story.passDeadline()
        #expect(story.sent == [pay, deliver, release, giveBack])
        story.follow(Self.returned)
        #expect(story.state.end == .reversed && story.state.failure == "B has not paid within 120 seconds")
        story.passDeadline()
        story.follow(Self.paid)
        #expect(story.sent.last == refund && story.sent.count == 5)
        story.follow(Self.refunded)
        #expect(story.recorded.count { if case .reversed = $0 { true } else { false } } == 1)
    }

    @Test("ends at the deadline when nobody has answered")
    func silence() {
        var story = begun()
        story.passDeadline()
        #expect(
            story.recorded.last
                == .reversed(
                    execution: "X#1", buying: 2, selling: 1,
                    reason: "B has not paid, and S has not delivered within 120 seconds"))
    }

    @Test("takes an answer once, and passes over executions that are not its own")
    func repeats() {
        var story = Story()
        story.follow(Self.paid, Self.delivered)
        #expect(story.actions.isEmpty)
        story.follow(
            .book(
                .executed(
                    execution: "X#1", order: nil, account: nil, side: .sell, price: 1_000, quantity: 10, against: 2,
                    by: "B", limit: 1_200)))
        #expect(story.actions.isEmpty)
        story = begun()
        story.follow(.book(Self.execution), Self.paid, Self.paid)
        #expect(story.recorded.count == 2 && story.sent.count == 2)
    }

    @Test(
        "sends each command once and leaves nothing between the sides, in whatever order answers come",
        arguments: seeds(200))
    func orders(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var story = begun()
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
