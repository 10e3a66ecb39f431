import DaybookCore

/// Identifies a trader's account, the same for its cash and its holdings.
public struct AccountID: Sendable, Hashable, Comparable, Codable, RawRepresentable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    public var description: String { rawValue }

    /// Under which every event of the account is found: `account:T017`.
    public var tag: Tag { Tag(unchecked: "account:\(rawValue)") }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
