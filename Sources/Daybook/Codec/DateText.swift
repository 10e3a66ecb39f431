import DaybookCore
import Foundation

/// Dates as RFC 3339 text in UTC that comes back as exactly the same date: a state folded from events in memory must
/// equal the one folded from their bytes. (Within a second of the year 2001, where a `Date` is finer than 18 decimals,
/// it comes back to within a femtosecond.)
enum DateText {
    static func encode(_ date: Date, to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        guard let text = text(of: date) else {
            throw EncodingError.invalidValue(
                date,
                EncodingError.Context(
                    codingPath: encoder.codingPath,
                    debugDescription: "The date \(date.timeIntervalSinceReferenceDate) s after 2001 is outside the "
                        + "years 0 to 9999, in which dates can be written."))
        }
        try container.encode(text)
    }

    static func decode(from decoder: any Decoder) throws -> Date {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let date = date(of: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "'\(text)' is not a date and time of RFC 3339.")
        }
        return date
    }

    /// Whole seconds, then the fewest groups of three decimals that give back the same number.
    static func text(of date: Date) -> String? {
        let interval = date.timeIntervalSinceReferenceDate
        guard interval >= -63_145_526_400, interval < 252_423_993_600 else { return nil }
        var whole = interval.rounded(.down)
        var fraction = interval - whole
        if fraction >= 1 {  // Less than half a bit before the second.
            whole += 1
            fraction = 0
        }
        let microseconds = (Int64(whole) + Int64(Date.timeIntervalBetween1970AndReferenceDate)) * 1_000_000
        let seconds = Timestamp(microseconds: microseconds).description.prefix(19)
        if fraction == 0 { return "\(seconds)Z" }
        var scale = 1.0
        var decimals = ""
        for digits in stride(from: 3, through: 18, by: 3) {
            scale *= 1000
            let scaled = (fraction * scale).rounded()
            guard scaled < scale else { continue }
            let text = String(Int64(scaled))
            decimals = String(repeating: "0", count: digits - text.utf8.count) + text
            if whole + Self.fraction(Int64(scaled), digits: digits, decimals) == interval { break }
        }
        return decimals.isEmpty ? "\(seconds)Z" : "\(seconds).\(decimals)Z"
    }

    /// Up to 15 digits and the power of ten below them are exact, so that their quotient is what reading them gives.
    private static func fraction(_ scaled: Int64, digits: Int, _ decimals: String) -> Double {
        digits <= 15 ? Double(scaled) / powersOfTen[digits] : Double("0." + decimals) ?? 0
    }

    private static let powersOfTen: [Double] = (0...15).map { Double("1e\($0)") ?? 0 }

    static func date(of text: String) -> Date? { plainDate(of: text) ?? anyDate(of: text) }

    /// The date of a text as ``text(of:)`` writes it, with up to 15 decimals; nil for any other. 10 times as fast.
    private static func plainDate(of text: String) -> Date? {
        var text = text
        return text.withUTF8 { bytes -> Date? in
            guard bytes.count >= 20, bytes.count <= 36, bytes[bytes.count - 1] == UInt8(ascii: "Z") else { return nil }
            var fraction = 0.0
            if bytes.count > 20 {
                guard bytes.count > 21, bytes[19] == UInt8(ascii: ".") else { return nil }
                var scaled: Int64 = 0
                for byte in bytes[20..<(bytes.count - 1)] {
                    guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                    scaled = scaled * 10 + Int64(byte - UInt8(ascii: "0"))
                }
                fraction = Double(scaled) / powersOfTen[bytes.count - 21]
            }
            guard
                let timestamp = Timestamp(String(decoding: bytes[..<19], as: UTF8.self) + "Z"),
                timestamp.microseconds % 1_000_000 == 0
            else { return nil }
            let seconds = timestamp.microseconds / 1_000_000 - Int64(Date.timeIntervalBetween1970AndReferenceDate)
            return Date(timeIntervalSinceReferenceDate: Double(seconds) + fraction)
        }
    }

    private static func anyDate(of text: String) -> Date? {
        var fraction = 0.0
        var whole = text
        if let dot = text.utf8.firstIndex(of: UInt8(ascii: ".")) {
            let behind = text[text.index(after: dot)...]
            let digits = behind.prefix { $0.isASCII && $0.isNumber }
            guard !digits.isEmpty, let value = Double("0." + digits) else { return nil }
            fraction = value
            whole = String(text[..<dot]) + String(behind[digits.endIndex...])
        }
        guard let timestamp = Timestamp(whole), timestamp.microseconds % 1_000_000 == 0 else { return nil }
        let seconds = timestamp.microseconds / 1_000_000 - Int64(Date.timeIntervalBetween1970AndReferenceDate)
        return Date(timeIntervalSinceReferenceDate: Double(seconds) + fraction)
    }
}
