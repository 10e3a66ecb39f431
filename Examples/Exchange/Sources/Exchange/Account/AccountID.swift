import DaybookCore

/// Identifies a trader's account, the same for its cash and its holdings.
public struct AccountID: Sendable, Hashable, Comparable, Codable, RawRepresentable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    /// Nil when the text is no account: 1 to 64 letters, digits, dots or underscores, the first of them no dot.
    public init?(_ text: String) {
        guard (1...64).contains(text.utf8.count), text.first != ".",
            text.utf8.allSatisfy({ byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"):
                    true
                default: false
                }
            })
        else { return nil }
        rawValue = text
    }

    public var description: String { rawValue }

    /// Under which every event of the account is found: `account:T017`.
    public var tag: Tag { Tags.account(self) }

    /// Whose account it is: the part before the first dot, so that `T017` and `T017.margin` are both `T017`'s.
    public var owner: OwnerID { OwnerID(rawValue: String(rawValue.prefix { $0 != "." })) }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
