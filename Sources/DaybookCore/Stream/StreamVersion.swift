/// An event's place in its stream: the first event has version 0, and versions have no gaps.
public struct StreamVersion: Sendable, Hashable, Comparable, RawRepresentable, Codable, CustomStringConvertible,
    ExpressibleByIntegerLiteral
{
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }
    public init(_ value: Int64) { rawValue = value }
    public init(integerLiteral value: Int64) { rawValue = value }

    /// The version of a stream's first event.
    public static let first = StreamVersion(0)

    public var next: StreamVersion { StreamVersion(rawValue + 1) }

    public func advanced(by count: Int) -> StreamVersion { StreamVersion(rawValue + Int64(count)) }

    public var description: String { String(rawValue) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
