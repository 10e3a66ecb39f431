/// An order as its owner submits it.
public struct NewOrder: Sendable, Hashable {
    public var id: OrderID
    public var account: AccountID?
    public var side: Side
    /// The worst price at which it may trade.
    public var limit: Price
    public var quantity: Quantity
    public var timeInForce: TimeInForce

    public init(
        id: OrderID, account: AccountID? = nil, side: Side, limit: Price, quantity: Quantity,
        timeInForce: TimeInForce = .day
    ) {
        self.id = id
        self.account = account
        self.side = side
        self.limit = limit
        self.quantity = quantity
        self.timeInForce = timeInForce
    }
}
