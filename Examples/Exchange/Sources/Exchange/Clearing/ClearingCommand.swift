/// What the clearing asks of the accounts of a trade.
public enum ClearingCommand: Sendable, Hashable, Codable {
    case pay(amount: Money, saved: Money, account: AccountID, order: OrderID, execution: ExecutionID)
    case deliver(quantity: Quantity, account: AccountID, order: OrderID, execution: ExecutionID)
    case receiveCash(amount: Money, account: AccountID, order: OrderID, execution: ExecutionID)
    case receiveShares(
        quantity: Quantity, instrument: Instrument, account: AccountID, order: OrderID, execution: ExecutionID)
    case refund(amount: Money, account: AccountID, order: OrderID, execution: ExecutionID)
    case giveBack(
        quantity: Quantity, instrument: Instrument, account: AccountID, order: OrderID, execution: ExecutionID)
    /// The order will not buy these shares after all.
    case releaseReservation(quantity: Quantity, account: AccountID, order: OrderID)

    /// Why it is asked.
    var reason: String {
        switch self {
        case .pay, .deliver, .receiveCash, .receiveShares: "settlement of an execution"
        case .refund, .giveBack, .releaseReservation: "reversal of an execution that could not be settled"
        }
    }
}

extension ClearingCommand: CustomStringConvertible {
    public var description: String {
        switch self {
        case .pay(let amount, _, let account, _, let execution): "\(account) is to pay \(amount) (\(execution))"
        case .deliver(let quantity, let account, _, let execution):
            "\(account) is to deliver \(quantity) \(execution.instrument) (\(execution))"
        case .receiveCash(let amount, let account, _, let execution):
            "\(account) is to receive \(amount) (\(execution))"
        case .receiveShares(let quantity, let instrument, let account, _, let execution):
            "\(account) is to receive \(quantity) \(instrument) (\(execution))"
        case .refund(let amount, let account, _, let execution):
            "\(account) is to get \(amount) back (\(execution))"
        case .giveBack(let quantity, let instrument, let account, _, let execution):
            "\(account) is to get \(quantity) \(instrument) back (\(execution))"
        case .releaseReservation(let quantity, let account, let order):
            "\(account) is no longer to reserve \(quantity) for order \(order)"
        }
    }
}
