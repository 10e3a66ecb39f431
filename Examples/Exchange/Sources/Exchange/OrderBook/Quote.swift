/// The best bid and the best ask of a book, and how many shares stand there; a side without orders is nil.
public struct Quote: Sendable, Hashable, Codable {
    public struct Level: Sendable, Hashable, Codable {
        public var price: Price
        public var quantity: Quantity

        public init(price: Price, quantity: Quantity) {
            self.price = price
            self.quantity = quantity
        }
    }

    public var bid: Level?
    public var ask: Level?

    public init(bid: Level? = nil, ask: Level? = nil) {
        self.bid = bid
        self.ask = ask
    }

    /// Whether somebody bids what somebody asks, so that a trade was missed.
    public var isCrossed: Bool {
        guard let bid, let ask else { return false }
        return bid.price >= ask.price
    }
}
