/// A moment in UTC, in whole microseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The time at which a store records an event never goes back within a log, whatever the machine's clock does.
public struct Timestamp: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    public let microseconds: Int64

    public init(microseconds: Int64) { self.microseconds = microseconds }

    /// The moment that lies a duration later; the earliest or latest one of all when there is none so early or late.
    public func advanced(by duration: Duration) -> Timestamp {
        let (seconds, attoseconds) = duration.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflow else { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        let (whole, wholeOverflow) = microseconds.addingReportingOverflow(product)
        guard !wholeOverflow else { return Timestamp(microseconds: seconds < 0 ? .min : .max) }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000_000)
        return Timestamp(microseconds: sumOverflow ? (attoseconds < 0 ? .min : .max) : sum)
    }

    public static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// RFC 3339 with six decimals: `2012-06-21T09:30:00.000001Z`.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(27)
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Writes the ``description`` behind what stands there, without a string in between.
    package func append(to text: inout [UInt8]) {
        let (days, inDay) = microseconds.quotientAndModulus(dividingBy: 86_400_000_000)
        let (year, month, day) = Self.civil(fromDays: days)
        if year < 0 { text.append(UInt8(ascii: "-")) }
        Self.append(abs(year), digits: 4, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.append(month, digits: 2, to: &text)
        text.append(UInt8(ascii: "-"))
        Self.append(day, digits: 2, to: &text)
        text.append(UInt8(ascii: "T"))
        Self.append(inDay / 3_600_000_000, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.append(inDay / 60_000_000 % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: ":"))
        Self.append(inDay / 1_000_000 % 60, digits: 2, to: &text)
        text.append(UInt8(ascii: "."))
        Self.append(inDay % 1_000_000, digits: 6, to: &text)
        text.append(UInt8(ascii: "Z"))
    }

    /// Reads RFC 3339: a date, `T` or a space, a time with up to nine decimals (those after the sixth are dropped),
    /// and `Z` or an offset. A date alone means its midnight in UTC. Nil for anything else.
    ///
    /// - Complexity: about 50 ns; no Foundation formatter.
    public init?(_ text: some StringProtocol) {
        var reader = DigitReader(bytes: Array(text.utf8))
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2),
            reader.take("-"), let day = reader.number(digits: 2), (1...12).contains(month),
            (1...Self.days(inMonth: month, year: year)).contains(day)
        else { return nil }
        var value = Self.days(year: year, month: month, day: day) * 86_400_000_000
        if reader.isAtEnd {
            self.init(microseconds: value)
            return
        }
        guard reader.take("T") || reader.take("t") || reader.take(" "), let hour = reader.number(digits: 2),
            reader.take(":"), let minute = reader.number(digits: 2), hour < 24, minute < 60
        else { return nil }
        value += hour * 3_600_000_000 + minute * 60_000_000
        if reader.take(":") {
            guard let second = reader.number(digits: 2), second < 60 else { return nil }
            value += second * 1_000_000
            if reader.take(".") {
                guard let fraction = reader.fraction() else { return nil }
                value += fraction
            }
        }
        if reader.take("Z") || reader.take("z") {
            guard reader.isAtEnd else { return nil }
        } else {
            let sign: Int64
            if reader.take("+") { sign = 1 } else if reader.take("-") { sign = -1 } else { return nil }
            guard let hours = reader.number(digits: 2), hours < 24 else { return nil }
            _ = reader.take(":")
            guard let minutes = reader.number(digits: 2), minutes < 60, reader.isAtEnd else { return nil }
            value -= sign * (hours * 3_600_000_000 + minutes * 60_000_000)
        }
        self.init(microseconds: value)
    }

    private static func append(_ value: Int64, digits: Int, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        if value >= divisor * 10 {  // A year beyond 9999 keeps all its digits.
            text.append(contentsOf: String(value).utf8)
            return
        }
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(value / divisor % 10))
            divisor /= 10
        }
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar.
    /// See https://howardhinnant.github.io/date_algorithms.html#days_from_civil
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = shifted.quotientAndModulus(dividingBy: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// See https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = (days + 719_468).quotientAndModulus(dividingBy: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func days(inMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private struct DigitReader {
        let bytes: [UInt8]
        var index = 0

        var isAtEnd: Bool { index == bytes.count }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        mutating func digit() -> Int64? {
            guard index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) else {
                return nil
            }
            index += 1
            return Int64(bytes[index - 1] - UInt8(ascii: "0"))
        }

        mutating func number(digits: Int) -> Int64? {
            var value: Int64 = 0
            for _ in 0..<digits {
                guard let digit = digit() else { return nil }
                value = value * 10 + digit
            }
            return value
        }

        /// One to nine decimals, in microseconds.
        mutating func fraction() -> Int64? {
            guard var value = digit() else { return nil }
            var count = 1
            while count < 9, let digit = digit() {
                if count < 6 { value = value * 10 + digit }
                count += 1
            }
            while count < 6 {
                value *= 10
                count += 1
            }
            return value
        }
    }
}

extension Int64 {
    /// Division that rounds down, so that the remainder is never negative.
    fileprivate func quotientAndModulus(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
