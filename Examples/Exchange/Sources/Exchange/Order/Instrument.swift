import DaybookCore

/// What is traded: a ticker symbol of 1 to 16 letters, digits, dots or underscores, such as `AAPL`.
public struct Instrument: Sendable, Hashable, Comparable, Codable, RawRepresentable, CustomStringConvertible,
    ExpressibleByStringLiteral
{
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    /// Nil when the text is no ticker symbol.
    public init?(_ text: String) {
        let bytes = text.utf8
        guard (1...16).contains(bytes.count),
            bytes.allSatisfy({ byte in
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

    /// The stream of the instrument's order book.
    public var bookStream: StreamName { StreamName(unchecked: "\(OrderBook.category)-\(rawValue)") }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
