import Daybook
import DaybookCore

/// One trader's shares, and the part of them that open orders hold.
///
/// A seller's order holds its shares before it goes to the book, so that what is sold can be delivered.
public enum Holdings: Decider {
    /// The category of the streams of holdings: `holdings-T017`.
    public static let category: Category = "holdings"

    /// The shares that one order holds.
    public struct Hold: Sendable, Hashable {
        public var instrument: Instrument
        public var quantity: Quantity
    }

    public struct State: Sendable, Equatable {
        /// What the trader may sell or withdraw.
        public internal(set) var available: [Instrument: Quantity] = [:]
        /// What open orders hold.
        public internal(set) var holds: [OrderID: Hold] = [:]

        public init() {}

        /// All of the trader's shares of an instrument.
        public func total(of instrument: Instrument) -> Quantity {
            holds.values.reduce(available[instrument] ?? 0) { sum, hold in
                hold.instrument == instrument ? sum + hold.quantity : sum
            }
        }
    }

    public enum Command: Sendable, Hashable {
        case deposit(Quantity, of: Instrument)
        case withdraw(Quantity, of: Instrument)
        /// Sets shares aside for an order.
        case hold(Quantity, of: Instrument, for: OrderID)
        /// Gives back a part of what an order holds.
        case release(Quantity, for: OrderID)
        /// Gives back all that an order holds.
        case releaseAll(for: OrderID)
        /// Delivers the shares of an execution out of its order's hold.
        case deliver(Quantity, for: OrderID, in: ExecutionID)
        /// Takes in the shares of an execution.
        case receive(Quantity, of: Instrument, for: OrderID, in: ExecutionID)
        /// Takes back what was delivered for an execution that could not be settled.
        case takeBack(Quantity, of: Instrument, for: OrderID, in: ExecutionID)
    }

    public enum Event: DomainEvent, Hashable {
        public static let typePrefix = "holdings"

        case deposited(instrument: Instrument, quantity: Quantity)
        case withdrawn(instrument: Instrument, quantity: Quantity)
        case held(instrument: Instrument, quantity: Quantity, order: OrderID)
        case released(instrument: Instrument, quantity: Quantity, order: OrderID)
        case delivered(instrument: Instrument, quantity: Quantity, order: OrderID, execution: ExecutionID)
        case received(instrument: Instrument, quantity: Quantity, order: OrderID, execution: ExecutionID)
        case returned(instrument: Instrument, quantity: Quantity, order: OrderID, execution: ExecutionID)

        public var tags: [Tag] {
            switch self {
            case .deposited, .withdrawn: []
            case .held(_, _, let order), .released(_, _, let order), .delivered(_, _, let order, _),
                .received(_, _, let order, _), .returned(_, _, let order, _):
                [order.tag]
            }
        }
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case quantityOutOfBounds(Quantity)
        case insufficientShares(Instrument, requested: Quantity, available: Quantity)
        case insufficientHold(order: OrderID, requested: Quantity, held: Quantity)

        public var description: String {
            switch self {
            case .quantityOutOfBounds(let quantity):
                "\(quantity) shares are outside \(QuantityLimits.allowed.lowerBound) to \(QuantityLimits.allowed.upperBound)."
            case .insufficientShares(let instrument, let requested, let available):
                "\(requested) shares of \(instrument) are asked for, and \(available) are available: "
                    + "deposit, or release a hold."
            case .insufficientHold(let order, let requested, let held):
                "\(requested) shares are to come from the hold of order \(order), which has \(held)."
            }
        }
    }

    public static let initialState = State()

    public static func tags(ofSubject id: String) -> [Tag] {
        let account = AccountID(rawValue: id)
        return [account.tag, Tags.owner(account.owner)]
    }

    public static func decide(_ command: Command, in holdings: State) throws(Rejection) -> [Event] {
        switch command {
        case .deposit(let quantity, let instrument):
            try check(quantity)
            return [.deposited(instrument: instrument, quantity: quantity)]
        case .withdraw(let quantity, let instrument):
            try check(quantity, of: instrument, in: holdings)
            return [.withdrawn(instrument: instrument, quantity: quantity)]
        case .hold(_, _, let order) where holdings.holds[order] != nil:
            return []  // The same order asked before: a retry, not a second hold.
        case .hold(let quantity, let instrument, let order):
            try check(quantity, of: instrument, in: holdings)
            return [.held(instrument: instrument, quantity: quantity, order: order)]
        case .release(let quantity, let order):
            let hold = try hold(of: order, for: quantity, in: holdings)
            return [.released(instrument: hold.instrument, quantity: quantity, order: order)]
        case .releaseAll(let order):
            guard let hold = holdings.holds[order] else { return [] }  // Nothing is left to give back.
            return [.released(instrument: hold.instrument, quantity: hold.quantity, order: order)]
        case .deliver(let quantity, let order, let execution):
            let hold = try hold(of: order, for: quantity, in: holdings)
            return [
                .delivered(instrument: hold.instrument, quantity: quantity, order: order, execution: execution)
            ]
        case .receive(let quantity, let instrument, let order, let execution):
            try check(quantity)
            return [.received(instrument: instrument, quantity: quantity, order: order, execution: execution)]
        case .takeBack(let quantity, let instrument, let order, let execution):
            try check(quantity)
            return [.returned(instrument: instrument, quantity: quantity, order: order, execution: execution)]
        }
    }

    public static func evolve(_ holdings: inout State, with event: Event) {
        switch event {
        case .deposited(let instrument, let quantity), .received(let instrument, let quantity, _, _),
            .returned(let instrument, let quantity, _, _):
            holdings.available[instrument, default: 0] += quantity
        case .withdrawn(let instrument, let quantity):
            holdings.available[instrument, default: 0] -= quantity
        case .held(let instrument, let quantity, let order):
            holdings.available[instrument, default: 0] -= quantity
            holdings.holds[order, default: Hold(instrument: instrument, quantity: 0)].quantity += quantity
        case .released(let instrument, let quantity, let order):
            holdings.available[instrument, default: 0] += quantity
            holdings.take(quantity, from: order)
        case .delivered(_, let quantity, let order, _):
            holdings.take(quantity, from: order)
        }
    }

    private static func check(_ quantity: Quantity) throws(Rejection) {
        guard QuantityLimits.allowed.contains(quantity) else { throw .quantityOutOfBounds(quantity) }
    }

    private static func check(
        _ quantity: Quantity, of instrument: Instrument, in holdings: State
    ) throws(Rejection) {
        try check(quantity)
        let available = holdings.available[instrument] ?? 0
        guard quantity <= available else {
            throw .insufficientShares(instrument, requested: quantity, available: available)
        }
    }

    private static func hold(
        of order: OrderID, for quantity: Quantity, in holdings: State
    ) throws(Rejection) -> Hold {
        try check(quantity)
        guard let hold = holdings.holds[order], quantity <= hold.quantity else {
            throw .insufficientHold(
                order: order, requested: quantity, held: holdings.holds[order]?.quantity ?? 0)
        }
        return hold
    }
}

extension Holdings.State {
    /// An order's hold goes with its last share.
    fileprivate mutating func take(_ quantity: Quantity, from order: OrderID) {
        guard var hold = holds[order] else { return }
        hold.quantity -= quantity
        holds[order] = hold.quantity == 0 ? nil : hold
    }
}
