extension Money {
    /// Reads dollars with at most four decimals, such as `1250` or `0.0625`. Nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let decimals = parts.count > 1 ? parts[1] : "0"
        let digits = parts[0] + decimals
        guard !parts[0].isEmpty, (1...4).contains(decimals.utf8.count),
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let dollars = Int64(parts[0]), dollars <= Int64.max / 10_000 - 1,
            let fraction = Int64(decimals + String(repeating: "0", count: 4 - decimals.utf8.count))
        else { return nil }
        self = Money(dollars * 10_000 + fraction)
    }
}
