/// Which side of the market an order is on.
public enum Side: String, Sendable, Hashable, Codable, CaseIterable, CustomStringConvertible {
    case buy
    case sell

    public var opposite: Side { self == .buy ? .sell : .buy }

    public var description: String { rawValue }

    /// Whether an order at one price goes before an order at another: buyers pay more, sellers ask less.
    public func prefers(_ price: Price, to other: Price) -> Bool {
        self == .buy ? price > other : price < other
    }

    /// Whether an order of this side with this limit may trade at a price of the other side.
    public func accepts(_ price: Price, limit: Price) -> Bool {
        self == .buy ? price <= limit : price >= limit
    }
}
