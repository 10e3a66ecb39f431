import Daybook
import DaybookCore

/// Settles one trade between order book, cash and holdings: delivery against payment, or neither.
///
/// The buyer is asked to pay and the seller to deliver. When both have, each receives what the other gave, which nobody
/// can refuse, and the trade is settled. When one of them refuses, or has not given by a deadline, what the other gave is
/// made up for, and the trade is reversed, for the reason that is recorded. An account that gives after that gets it back,
/// too.
///
/// The commands of a trade follow from its state alone (``commands(in:)``): an event sends those that it adds.
public enum Clearing: ProcessManager {
    public static let category: Category = "clearing"
    /// How long both sides have, from the execution on.
    public static let patience = Duration.seconds(120)
    /// The name of the deadline.
    static let deadline = "exchange"

    public struct State: Sendable, Equatable {
        public enum End: Sendable, Hashable {
            case settled
            case reversed
        }

        public internal(set) var trade: ClearingTrade?
        public internal(set) var done: Set<ClearingStep> = []
        public internal(set) var refused: Set<ClearingStep> = []
        /// Why the trade cannot settle; nil as long as it may.
        public internal(set) var failure: String?
        public internal(set) var isOverdue = false
        public internal(set) var end: End?

        public init() {}

        /// Whether both sides have given, so that nothing can fail any more.
        var isExchanged: Bool { done.contains(.payment) && done.contains(.delivery) }

        /// Whether a side that fails to give, or to refuse, is waited for.
        var isWaiting: Bool { trade != nil && end == nil && !isOverdue && !(failure == nil && isExchanged) }

        /// Whether nothing is to be made up for any more, nor may soon be.
        private func isMadeUp(_ step: ClearingStep, by reversal: ClearingStep) -> Bool {
            done.contains(step) ? done.contains(reversal) : refused.contains(step) || isOverdue
        }

        /// How the trade ends, now that all that is needed for it has happened.
        var dueEnd: End? {
            guard trade != nil, end == nil else { return nil }
            if failure == nil {
                return isExchanged && done.contains(.proceeds) && done.contains(.receipt) ? .settled : nil
            }
            return isMadeUp(.payment, by: .refund) && isMadeUp(.delivery, by: .giveBack) ? .reversed : nil
        }
    }

    public typealias Action = ProcessAction<ClearingEvent, ClearingCommand>

    /// A command that only a mistake of the exchange makes an account refuse: it takes in what another gave.
    struct UnexpectedRefusal: Error, CustomStringConvertible {
        let command: ClearingCommand
        let reason: String
        var description: String {
            "This was refused, which leaves the trade between two accounts: \(command). Mend the account, then run the "
                + "clearing again. \(reason)"
        }
    }

    public static let initialState = State()
    public static var filter: EventFilter { EventFilter(types: ClearingInput.types) }

    public static func processIDs(for input: ClearingInput, recorded: RecordedEvent) -> [String] {
        input.execution.map { [$0.rawValue] } ?? []
    }

    public static func react(to input: ClearingInput, in state: State) -> [Action] {
        if let step = input.step { return follow(.carriedOut(step: step), in: state) }
        guard case .book(let event) = input, state.trade == nil, let trade = ClearingTrade(event) else { return [] }
        return follow(.begun(trade: trade), in: state) + [.setDeadline(deadline, after: patience)]
    }

    public static func react(toDeadline name: String, in state: State) -> [Action] {
        guard let trade = state.trade, state.isWaiting else { return [] }
        let missing = [
            state.done.contains(.payment) || state.refused.contains(.payment) ? nil : "\(trade.buyer) has not paid",
            state.done.contains(.delivery) || state.refused.contains(.delivery)
                ? nil : "\(trade.seller) has not delivered",
        ].compactMap { $0 }.joined(separator: ", and ")
        return follow(.overdue(reason: "\(missing) within \(patience.components.seconds) seconds"), in: state)
    }

    public static func react(
        toRejectionOf command: ClearingCommand, reason: String, in state: State
    ) throws -> [Action] {
        switch command {
        case .pay: follow(.refused(step: .payment, reason: reason), in: state)
        case .deliver: follow(.refused(step: .delivery, reason: reason), in: state)
        case .receiveCash, .receiveShares, .refund, .giveBack, .releaseReservation:
            throw UnexpectedRefusal(command: command, reason: reason)
        }
    }

    public static func evolve(_ state: inout State, with event: ClearingEvent) {
        switch event {
        case .begun(let trade): state.trade = trade
        case .carriedOut(let step): state.done.insert(step)
        case .refused(let step, let reason):
            state.refused.insert(step)
            state.failure = state.failure ?? reason
        case .overdue(let reason):
            state.isOverdue = true
            state.failure = state.failure ?? reason
        case .settled: state.end = .settled
        case .reversed: state.end = .reversed
        }
    }

    /// Records an event, sends the commands that it adds, and ends the trade when nothing is missing any more.
    private static func follow(_ event: ClearingEvent, in state: State) -> [Action] {
        var after = state
        evolve(&after, with: event)
        guard let trade = after.trade, after != state else { return [] }  // Not of the clearing, or known already.
        let sent = commands(in: state)
        var actions: [Action] = [.record(event)]
        actions += commands(in: after).filter { !sent.contains($0) }.map { .send($0) }
        switch after.dueEnd {
        case .settled:
            actions.append(
                .record(.settled(execution: trade.execution, buying: trade.buying, selling: trade.selling)))
        case .reversed:
            actions.append(
                .record(
                    .reversed(
                        execution: trade.execution, buying: trade.buying, selling: trade.selling,
                        reason: after.failure ?? "")))
        case nil: break
        }
        let isOver = !after.isWaiting || after.dueEnd != nil
        if state.isWaiting && isOver { actions.append(.cancelDeadline(deadline)) }
        return actions
    }

    /// All that a trade in this state has asked for, in the order in which it was.
    static func commands(in state: State) -> [ClearingCommand] {
        guard let trade = state.trade else { return [] }
        var commands: [ClearingCommand] = [
            .pay(
                amount: trade.amount, saved: trade.saved, account: trade.buyer, order: trade.buying,
                execution: trade.execution),
            .deliver(
                quantity: trade.quantity, account: trade.seller, order: trade.selling, execution: trade.execution),
        ]
        guard state.failure != nil else {
            guard state.isExchanged else { return commands }
            commands.append(
                .receiveCash(
                    amount: trade.amount, account: trade.seller, order: trade.selling, execution: trade.execution))
            commands.append(
                .receiveShares(
                    quantity: trade.quantity, instrument: trade.instrument, account: trade.buyer, order: trade.buying,
                    execution: trade.execution))
            return commands
        }
        commands.append(
            .releaseReservation(quantity: trade.quantity, account: trade.buyer, order: trade.buying))
        if state.done.contains(.payment) {
            commands.append(
                .refund(
                    amount: trade.amount, account: trade.buyer, order: trade.buying, execution: trade.execution))
        }
        if state.done.contains(.delivery) {
            commands.append(
                .giveBack(
                    quantity: trade.quantity, instrument: trade.instrument, account: trade.seller,
                    order: trade.selling, execution: trade.execution))
        }
        return commands
    }
}
