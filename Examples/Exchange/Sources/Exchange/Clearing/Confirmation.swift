import DaybookCore

/// Tells one side of an execution what it traded.
public struct Confirmation: Sendable, Hashable, Codable {
    /// From 1, without gaps, for each account.
    public var number: Int
    public var account: AccountID
    public var order: OrderID
    public var execution: ExecutionID
    public var side: Side
    public var quantity: Quantity
    public var price: Price
    /// When it was executed, on the market's clock.
    public var time: Timestamp
}
