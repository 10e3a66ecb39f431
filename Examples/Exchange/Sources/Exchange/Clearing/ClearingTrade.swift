/// What two sides of an execution owe each other: the shares, and the money for them.
public struct ClearingTrade: Sendable, Hashable, Codable {
    public var execution: ExecutionID
    public var instrument: Instrument
    public var quantity: Quantity
    public var amount: Money
    /// What the buyer's order holds beyond the amount for these shares, since it traded at a better price.
    public var saved: Money
    public var buyer: AccountID
    /// The buyer's order.
    public var buying: OrderID
    public var seller: AccountID
    /// The seller's order.
    public var selling: OrderID

    /// Nil when an event is no execution, or one of its sides has no account that could settle.
    public init?(_ event: OrderBook.Event) {
        guard case .executed(let execution, _, _, _, _, _, _, _, _) = event else { return nil }
        var payment: (account: AccountID, amount: Money, saved: Money, order: OrderID)?
        var delivery: (account: AccountID, quantity: Quantity, order: OrderID)?
        // What an execution means for the accounts is decided in one place, for settlement in rounds and for clearing.
        for movement in Settlement.movements(after: event, of: execution.instrument) {
            switch movement {
            case .cash(let account, .pay(let amount, let saved, let order, _)):
                payment = (account, amount, saved, order)
            case .holdings(let account, .deliver(let quantity, let order, _)):
                delivery = (account, quantity, order)
            default: break  // What the other side receives is what this one gives.
            }
        }
        guard let payment, let delivery else { return nil }
        self.execution = execution
        instrument = execution.instrument
        quantity = delivery.quantity
        (buyer, amount, saved, buying) = payment
        (seller, selling) = (delivery.account, delivery.order)
    }
}
