/// An event's place in the global order of a store: grows with every event in the order of commits, and is never
/// filled in later. It may have gaps.
public struct Position: Sendable, Hashable, Comparable, RawRepresentable, Codable, CustomStringConvertible,
    ExpressibleByIntegerLiteral
{
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
    public init(integerLiteral value: Int64) { rawValue = value }

    /// Before the first event; the head of an empty store. The first event's position is 1 or more.
    public static let start = Position(0)

    public var next: Position { Position(rawValue + 1) }
    public var previous: Position { Position(rawValue - 1) }

    public var description: String { String(rawValue) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
