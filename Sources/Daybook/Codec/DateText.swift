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
            if whole + (Double("0." + decimals) ?? 0) == interval { break }
        }
        return decimals.isEmpty ? "\(seconds)Z" : "\(seconds).\(decimals)Z"
    }

    static func date(of text: String) -> Date? {
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
