import Daybook
import DaybookCore

/// One trader's cash, and the part of it that open orders hold.
///
/// A buyer's order holds its limit price times its shares before it goes to the book; each execution pays from the
/// hold, and what the better price saved comes back at once. An order for bonds also holds the interest that has
/// accrued on them.
public enum CashAccount: Decider {
    /// The category of the streams of cash accounts: `cash-T017`.
    public static let category: Category = "cash"

    public struct State: Sendable, Equatable, Codable {
        /// What the trader may spend or withdraw.
        public internal(set) var available: Money = 0
        /// What open orders hold.
        public internal(set) var holds: [OrderID: Money] = [:]

        public init() {}

        /// All of the trader's cash.
        public var total: Money { holds.values.reduce(available, +) }
    }

    public enum Command: Sendable, Hashable, Codable {
        case deposit(Money)
        case withdraw(Money)
        /// Sets cash aside for an order.
        case hold(Money, for: OrderID)
        /// Gives back a part of what an order holds.
        case release(Money, for: OrderID)
        /// Gives back all that an order holds.
        case releaseAll(for: OrderID)
        /// Pays for an execution out of its order's hold, and gives back what the better price saved.
        case pay(Money, saving: Money, for: OrderID, in: ExecutionID)
        /// Takes in the proceeds of an execution.
        case receive(Money, for: OrderID, in: ExecutionID)
        /// Pays the interest on the bonds of an execution out of its order's hold.
        case payInterest(Money, for: OrderID, in: ExecutionID)
        /// Takes in the interest on the bonds of an execution.
        case receiveInterest(Money, for: OrderID, in: ExecutionID)
        /// Pays a bond's coupon to all holders, as its issuer.
        case payCoupon(Money, of: Instrument, on: CalendarDate)
        /// Takes in a bond's coupon.
        case receiveCoupon(Money, of: Instrument, on: CalendarDate)
        /// Takes back what was paid for an execution that could not be settled.
        case refund(Money, for: OrderID, in: ExecutionID)
    }

    public enum Event: DomainEvent, Hashable {
        public static let typePrefix = "cash"

        case deposited(amount: Money)
        case withdrawn(amount: Money)
        case held(amount: Money, order: OrderID)
        case released(amount: Money, order: OrderID)
        case paid(amount: Money, saved: Money, order: OrderID, execution: ExecutionID)
        case received(amount: Money, order: OrderID, execution: ExecutionID)
        /// The buyer of bonds paid what had accrued on them.
        case interestPaid(amount: Money, order: OrderID, execution: ExecutionID)
        case interestReceived(amount: Money, order: OrderID, execution: ExecutionID)
        /// The issuer of a bond paid a coupon to all of its holders.
        case couponPaid(amount: Money, bond: Instrument, date: CalendarDate)
        case couponReceived(amount: Money, bond: Instrument, date: CalendarDate)
        case refunded(amount: Money, order: OrderID, execution: ExecutionID)
        /// Cash left for another account; ``CashTransfer`` decides it, for both accounts at once.
        case transferredOut(amount: Money, from: AccountID, to: AccountID)
        case transferredIn(amount: Money, from: AccountID, to: AccountID)

        public var tags: [Tag] {
            switch self {
            case .deposited, .withdrawn: []
            case .held(_, let order), .released(_, let order), .paid(_, _, let order, _),
                .received(_, let order, _), .interestPaid(_, let order, _), .interestReceived(_, let order, _),
                .refunded(_, let order, _):
                [order.tag]
            case .couponPaid(_, let bond, _), .couponReceived(_, let bond, _): [CouponPayment.tag(of: bond)]
            case .transferredOut(_, let source, let target), .transferredIn(_, let source, let target):
                [source.tag, target.tag]
            }
        }
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case amountOutOfBounds(Money)
        case insufficientCash(requested: Money, available: Money)
        case insufficientHold(order: OrderID, requested: Money, held: Money)

        public var description: String {
            switch self {
            case .amountOutOfBounds(let amount):
                "An amount of \(amount) is outside \(Money.allowed.lowerBound) to \(Money.allowed.upperBound) dollars."
            case .insufficientCash(let requested, let available):
                "\(requested) dollars are asked for, and \(available) are available: deposit, or release a hold."
            case .insufficientHold(let order, let requested, let held):
                "\(requested) dollars are to come from the hold of order \(order), which has \(held)."
            }
        }
    }

    public static let initialState = State()

    public static func tags(ofSubject id: String) -> [Tag] { [AccountID(rawValue: id).tag] }

    public static func decide(_ command: Command, in account: State) throws(Rejection) -> [Event] {
        switch command {
        case .deposit(let amount):
            try check(amount)
            guard amount <= Money.allowed.upperBound - account.total else { throw .amountOutOfBounds(amount) }
            return [.deposited(amount: amount)]
        case .withdraw(let amount):
            try check(amount)
            guard amount <= account.available else {
                throw .insufficientCash(requested: amount, available: account.available)
            }
            return [.withdrawn(amount: amount)]
        case .hold(_, let order) where account.holds[order] != nil:
            return []  // The same order asked before: a retry, not a second hold.
        case .hold(let amount, let order):
            try check(amount)
            guard amount <= account.available else {
                throw .insufficientCash(requested: amount, available: account.available)
            }
            return [.held(amount: amount, order: order)]
        case .release(let amount, let order):
            try check(amount)
            try check(amount, heldFor: order, in: account)
            return [.released(amount: amount, order: order)]
        case .releaseAll(let order):
            guard let held = account.holds[order] else { return [] }  // Nothing is left to give back.
            return [.released(amount: held, order: order)]
        case .pay(let amount, let saved, let order, let execution):
            try check(amount)
            guard saved >= .zero, saved <= Money.allowed.upperBound else { throw .amountOutOfBounds(saved) }
            try check(amount + saved, heldFor: order, in: account)
            return [.paid(amount: amount, saved: saved, order: order, execution: execution)]
        case .receive(let amount, let order, let execution):
            try check(amount)
            return [.received(amount: amount, order: order, execution: execution)]
        case .payInterest(let amount, let order, let execution):
            try check(amount)
            try check(amount, heldFor: order, in: account)
            return [.interestPaid(amount: amount, order: order, execution: execution)]
        case .receiveInterest(let amount, let order, let execution):
            try check(amount)
            return [.interestReceived(amount: amount, order: order, execution: execution)]
        case .payCoupon(let amount, let bond, let date):
            try check(amount)
            guard amount <= account.available else {
                throw .insufficientCash(requested: amount, available: account.available)
            }
            return [.couponPaid(amount: amount, bond: bond, date: date)]
        case .receiveCoupon(let amount, let bond, let date):
            try check(amount)
            return [.couponReceived(amount: amount, bond: bond, date: date)]
        case .refund(let amount, let order, let execution):
            try check(amount)
            return [.refunded(amount: amount, order: order, execution: execution)]
        }
    }

    public static func evolve(_ account: inout State, with event: Event) {
        switch event {
        case .deposited(let amount), .received(let amount, _, _), .interestReceived(let amount, _, _),
            .couponReceived(let amount, _, _), .refunded(let amount, _, _), .transferredIn(let amount, _, _):
            account.available += amount
        case .withdrawn(let amount), .couponPaid(let amount, _, _), .transferredOut(let amount, _, _):
            account.available -= amount
        case .held(let amount, let order):
            account.available -= amount
            account.holds[order, default: .zero] += amount
        case .released(let amount, let order):
            account.available += amount
            account.take(amount, from: order)
        case .paid(let amount, let saved, let order, _):
            account.available += saved
            account.take(amount + saved, from: order)
        case .interestPaid(let amount, let order, _):
            account.take(amount, from: order)
        }
    }

    private static func check(_ amount: Money) throws(Rejection) {
        guard Money.allowed.contains(amount) else { throw .amountOutOfBounds(amount) }
    }

    private static func check(_ amount: Money, heldFor order: OrderID, in account: State) throws(Rejection) {
        let held = account.holds[order] ?? .zero
        guard amount <= held else { throw .insufficientHold(order: order, requested: amount, held: held) }
    }
}

extension CashAccount.State {
    /// An order's hold goes with its last cent.
    fileprivate mutating func take(_ amount: Money, from order: OrderID) {
        let left = (holds[order] ?? .zero) - amount
        holds[order] = left == .zero ? nil : left
    }
}
