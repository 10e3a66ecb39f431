import DaybookCore

/// Identifies an order at its venue: the venue's own order reference number.
public struct OrderID: Sendable, Hashable, Comparable, Codable, RawRepresentable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
    public init(integerLiteral value: Int64) { rawValue = value }

    public var description: String { String(rawValue) }

    /// Under which every event that concerns the order is found, whatever its stream: `order:17`.
    public var tag: Tag { Tags.order(self) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
