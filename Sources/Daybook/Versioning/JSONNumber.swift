import DaybookCore
import Foundation

/// A JSON number as it is written: no digit is lost on the way through an upcaster.
///
/// Two are equal when their texts are: `1.0` and `1` are not.
public struct JSONNumber: Sendable, Hashable, CustomStringConvertible {
    /// Its text in the grammar of RFC 8259 §6.
    public let text: String

    init(checked text: String) { self.text = text }

    /// - Returns: Nil when the text is no JSON number.
    public init?(_ text: String) {
        guard let json = try? JSONText(parsing: text), json.kind == .number, json.bytes.count == text.utf8.count else {
            return nil
        }
        self.text = text
    }

    /// The shortest text that gives back the same number.
    ///
    /// - Returns: Nil for infinity and for what is no number.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = "\(value)"
    }

    /// - Returns: Nil for what is no number.
    public init?(_ value: Decimal) {
        guard value.isFinite else { return nil }
        text = "\(value)"
    }

    /// The nearest double; infinite beyond its range.
    public var double: Double { Double(text) ?? .nan }

    /// The number as a decimal, cut to its 38 digits; nil beyond its range.
    public var decimal: Decimal? { Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) }

    public var description: String { text }
}
