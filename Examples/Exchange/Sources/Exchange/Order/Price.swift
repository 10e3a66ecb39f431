/// A price a share, in ten-thousandths of a dollar: `Price(5_853_300)` is $585.33.
public struct Price: Sendable, Hashable, Comparable, Codable, RawRepresentable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
    public init(integerLiteral value: Int64) { rawValue = value }

    /// What a price may be: above nothing, and below what order-flow files write for an empty place.
    public static let allowed: ClosedRange<Price> = 1...9_999_999_998

    /// In dollars: `585.33`, with four decimals only where they are needed.
    public var description: String { Money(rawValue).description }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// What a number of shares costs at this price.
    public static func * (price: Price, quantity: Quantity) -> Money { Money(price.rawValue * quantity) }
}
