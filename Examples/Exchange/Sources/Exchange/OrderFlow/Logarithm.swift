/// The natural logarithm to about 12 digits, without a C library: a flow of orders is the same on every machine.
enum Logarithm {
    /// - Parameter value: Above 0 and finite.
    static func natural(_ value: Double) -> Double {
        // value = m × 2^e with m from 1 to 2, and ln m from the series of artanh((m - 1) / (m + 1)).
        let ratio = (value.significand - 1) / (value.significand + 1)
        let square = ratio * ratio
        var power = ratio
        var sum = 0.0
        var divisor = 1.0
        while divisor < 26 {
            sum += power / divisor
            power *= square
            divisor += 2
        }
        return 2 * sum + Double(value.exponent) * 0.693_147_180_559_945_3
    }
}
