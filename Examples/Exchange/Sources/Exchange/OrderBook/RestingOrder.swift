/// An order in the book, waiting to trade.
public struct RestingOrder: Sendable, Hashable {
    public let id: OrderID
    public let side: Side
    public let price: Price
    /// The shares that still wait.
    public var remaining: Quantity
    /// Whose order it is; nil where the venue does not say.
    public let account: AccountID?

    public init(id: OrderID, side: Side, price: Price, remaining: Quantity, account: AccountID? = nil) {
        self.id = id
        self.side = side
        self.price = price
        self.remaining = remaining
        self.account = account
    }
}
