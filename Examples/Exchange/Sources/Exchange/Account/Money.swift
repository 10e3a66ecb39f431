/// An amount of dollars, in ten-thousandths: the unit in which prices are quoted.
public struct Money: Sendable, Hashable, Comparable, Codable, RawRepresentable, AdditiveArithmetic,
    ExpressibleByIntegerLiteral, CustomStringConvertible
{
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
    public init(integerLiteral value: Int64) { rawValue = value }

    public static let zero = Money(0)

    /// What one command may move, so that sums of accounts stay far from the bounds of 64 bits: $100 billion.
    public static let allowed: ClosedRange<Money> = 1...1_000_000_000_000_000

    /// Whole dollars.
    public static func dollars(_ dollars: Int64) -> Money { Money(dollars * 10_000) }

    /// In dollars with two decimals, and with four where they are needed.
    public var description: String {
        let magnitude = rawValue.magnitude
        let decimals = magnitude % 10_000
        let shown =
            decimals % 100 == 0
            ? Self.padded(decimals / 100, digits: 2) : Self.padded(decimals, digits: 4)
        return "\(rawValue < 0 ? "-" : "")\(magnitude / 10_000).\(shown)"
    }

    private static func padded(_ value: UInt64, digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public static func + (left: Self, right: Self) -> Money { Money(left.rawValue + right.rawValue) }
    public static func - (left: Self, right: Self) -> Money { Money(left.rawValue - right.rawValue) }
    public static func * (amount: Self, count: Int64) -> Money { Money(amount.rawValue * count) }
}
