/// How much of the cash that is available one order may hold, in percent.
public struct Margin: Sendable, Hashable, Codable, CustomStringConvertible {
    public let percent: Int

    /// - Parameter percent: 1 to 100; nil outside of that.
    public init?(percent: Int) {
        guard (1...100).contains(percent) else { return nil }
        self.percent = percent
    }

    /// What an order may hold of an amount, rounded down.
    public func share(of amount: Money) -> Money {
        // In two parts, so that no amount is too large to be multiplied.
        Money(amount.rawValue / 100 * Int64(percent) + amount.rawValue % 100 * Int64(percent) / 100)
    }

    public var description: String { "\(percent) %" }
}
