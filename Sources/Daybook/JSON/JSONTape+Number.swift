import Foundation

extension JSONTape {
    /// A number's digits and decimal exponent, as they stand.
    private struct Digits {
        var isNegative = false
        /// The digits as a whole number, unless there are too many.
        var digits: UInt64 = 0
        var exponent = 0
        /// There are more digits, or the exponent has, than fit.
        var isInexact = false
        /// No digit is other than 0.
        var isZero = true
    }

    /// - Returns: Nil when the bytes are no number (RFC 8259 §6).
    @inline(__always)
    private static func digits(_ text: UnsafeBufferPointer<UInt8>) -> Digits? {
        var number = Digits()
        var index = 0
        if index < text.count, text[index] == UInt8(ascii: "-") {
            number.isNegative = true
            index &+= 1
        }
        let whole = take(&index, text, &number)
        guard whole > 0 else { return nil }
        if whole > 1, text[index &- whole] == UInt8(ascii: "0") { return nil }
        if index < text.count, text[index] == UInt8(ascii: ".") {
            index &+= 1
            let decimals = take(&index, text, &number)
            guard decimals > 0 else { return nil }
            number.exponent = -decimals
        }
        guard index < text.count else { return number }
        guard text[index] | 0x20 == UInt8(ascii: "e") else { return nil }
        index &+= 1
        var isNegative = false
        if index < text.count, text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-") {
            isNegative = text[index] == UInt8(ascii: "-")
            index &+= 1
        }
        guard index < text.count else { return nil }
        var exponent = 0
        while index < text.count {
            guard let digit = digit(text[index]) else { return nil }
            if exponent < 100_000 { exponent = exponent &* 10 &+ Int(digit) }
            index &+= 1
        }
        number.exponent &+= isNegative ? -exponent : exponent
        return number
    }

    /// Takes digits, and returns how many.
    @inline(__always)
    private static func take(_ index: inout Int, _ text: UnsafeBufferPointer<UInt8>, _ number: inout Digits) -> Int {
        let start = index
        while index < text.count, let digit = digit(text[index]) {
            if digit != 0 { number.isZero = false }
            if number.digits < 100_000_000_000_000_000 {
                number.digits = number.digits &* 10 &+ UInt64(digit)
            } else {
                number.isInexact = true
            }
            index &+= 1
        }
        return index &- start
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        return digit <= 9 ? digit : nil
    }

    // MARK: Whole numbers

    /// A whole number that fits, however it is written (`100`, `1e2`, `100.0`); nil for anything else.
    @inline(__always)
    func integer<Value: FixedWidthInteger>(_ index: UInt32, as type: Value.Type) -> Value? {
        let token = self[index]
        guard token.kind == .number else { return nil }
        let text = bytes(of: token)
        var position = 0
        let isNegative = text[0] == UInt8(ascii: "-")
        if isNegative { position = 1 }
        // 18 digits fit in any case.
        guard text.count &- position <= 18, text.count > position else { return longInteger(text, as: type) }
        var magnitude: UInt64 = 0
        let first = position
        while position < text.count {
            guard let digit = Self.digit(text[position]) else { return longInteger(text, as: type) }
            magnitude = magnitude &* 10 &+ UInt64(digit)
            position &+= 1
        }
        if text[first] == UInt8(ascii: "0"), text.count &- first > 1 { return nil }
        let value = Int64(truncatingIfNeeded: magnitude)
        return Value(exactly: isNegative ? 0 &- value : value)
    }

    @inline(never)
    private func longInteger<Value: FixedWidthInteger>(
        _ text: UnsafeBufferPointer<UInt8>, as type: Value.Type
    ) -> Value? {
        guard Self.digits(text) != nil else { return nil }
        let string = String(decoding: text, as: UTF8.self)
        if let value = Value(string) { return value }
        guard let double = Double(string), let value = Value(exactly: double) else { return nil }
        // From 2^53 on, numbers that are not whole are rounded to whole ones.
        if double.magnitude < 0x1p53 { return value }
        guard let decimal = Decimal(string: string), var magnitude = UInt64(decimal.significand.magnitude.description)
        else { return nil }
        var exponent = decimal.exponent
        while exponent < 0 {
            magnitude /= 10
            exponent += 1
        }
        while exponent > 0 {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            magnitude = product
            exponent -= 1
        }
        guard let result = Value(exactly: magnitude) else { return nil }
        return decimal.sign == .minus ? 0 - result : result
    }

    // MARK: Floating point

    private static let powers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]

    /// The nearest number; nil when it is none, when it is too large, and when it is too small but not 0.
    ///
    /// Up to 2^53 and by powers of ten up to 10^22 both operands are exact, so that one operation rounds right. See
    /// Clinger: How to read floating point numbers accurately, https://doi.org/10.1145/93542.93557
    func double(_ index: UInt32) -> Double? {
        let token = self[index]
        guard token.kind == .number else { return nil }
        let text = bytes(of: token)
        guard let number = Self.digits(text) else { return nil }
        if number.isZero { return number.isNegative ? -0.0 : 0 }
        if !number.isInexact, number.digits <= 1 << 53, number.exponent.magnitude <= 22 {
            let power = Self.powers[Int(number.exponent.magnitude)]
            let digits = Double(number.digits)
            let value = number.exponent < 0 ? digits / power : digits * power
            return number.isNegative ? -value : value
        }
        guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite, value != 0 else { return nil }
        return value
    }

    func float(_ index: UInt32) -> Float? {
        let token = self[index]
        guard token.kind == .number else { return nil }
        let text = bytes(of: token)
        guard let number = Self.digits(text) else { return nil }
        if number.isZero { return number.isNegative ? -0.0 : 0 }
        if !number.isInexact, number.digits <= 1 << 24, number.exponent.magnitude <= 10 {
            let power = Float(Self.powers[Int(number.exponent.magnitude)])
            let digits = Float(number.digits)
            let value = number.exponent < 0 ? digits / power : digits * power
            return number.isNegative ? -value : value
        }
        guard let value = Float(String(decoding: text, as: UTF8.self)), value.isFinite, value != 0 else { return nil }
        return value
    }

    // MARK: Decimals

    func decimal(_ index: UInt32) -> Decimal? {
        let token = self[index]
        guard token.kind == .number, Self.digits(bytes(of: token)) != nil else { return nil }
        return Decimal(string: String(decoding: bytes(of: token), as: UTF8.self))
    }

    /// Whether the bytes of a token are a number, whatever its size.
    func isNumber(_ index: UInt32) -> Bool { Self.digits(bytes(of: self[index])) != nil }
}
