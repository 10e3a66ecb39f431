import Foundation

/// Where our coders differ from Foundation's on purpose: all of it. Whatever compares the two lets these pass and nothing
/// else; each is shown by `JSONDifferenceTests`, and listed in ADR 18.
enum JSONDifference: String, CaseIterable, Codable {
    // Reading.
    case wideText = "UTF-16 and UTF-32 are refused"
    case zeroWithExponent = "0 with an exponent is a floating point number"
    case closedCase = "values that close the case that they stand in are refused"
    // Writing.
    case decimalNaN = "a decimal that is no number is refused"
    case deepestLevel = "512 levels can be written"
    case secondValue = "a second value in the same place replaces the first"

    /// The difference that explains two outcomes of reading the same bytes; nil when none does.
    static func explaining<Value>(
        _ ours: Outcome<Value>, _ foundation: Outcome<Value>, of bytes: [UInt8]
    ) -> JSONDifference? {
        if seemsWide(bytes), case .failure = ours { return .wideText }
        if hasZeroWithExponent(bytes), case .failure = foundation { return .zeroWithExponent }
        return nil
    }

    /// Whether Foundation takes a text for UTF-16 or UTF-32.
    private static func seemsWide(_ bytes: [UInt8]) -> Bool {
        bytes.prefix(4).contains(0) || bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE])
    }

    /// Foundation refuses some of these numbers as a `Double`.
    private static func hasZeroWithExponent(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self)
            .range(of: #"(^|[^0-9.])0(\.0+)?[eE]"#, options: .regularExpression) != nil
    }
}
