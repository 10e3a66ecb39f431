/// What stands in a book at one price.
public struct DepthLevel: Sendable, Hashable, Codable {
    public var price: Price
    /// All shares at this price.
    public var quantity: Quantity
    /// Those of them that stood there when the book opened, of orders without a name.
    public var opening: Quantity
    /// How many orders that have a name wait here.
    public var orders: Int

    public init(price: Price, quantity: Quantity, opening: Quantity = 0, orders: Int = 0) {
        self.price = price
        self.quantity = quantity
        self.opening = opening
        self.orders = orders
    }
}
