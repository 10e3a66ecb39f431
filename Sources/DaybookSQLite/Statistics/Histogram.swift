/// Counts values by size, with a relative error of an eighth at most, in 4 KiB.
struct Histogram {
    /// Eight buckets for each power of two.
    private var counts = [Int64](repeating: 0, count: 64 * 8)
    private(set) var total: Int64 = 0
    private(set) var largest: Int64 = 0

    mutating func add(_ value: Int64) {
        let value = max(0, value)
        counts[Self.bucket(of: value)] += 1
        total += 1
        largest = max(largest, value)
    }

    /// The value that a share of all do not exceed; 0 when there are none.
    func value(atOrAbove share: Double) -> Int64 {
        let wanted = Int64((Double(total) * share).rounded(.up))
        var seen: Int64 = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= wanted { return min(largest, Self.highest(in: bucket)) }
        }
        return largest
    }

    private static func bucket(of value: Int64) -> Int {
        guard value >= 8 else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        return (exponent - 2) * 8 + Int(value >> (exponent - 3)) - 8
    }

    private static func highest(in bucket: Int) -> Int64 {
        guard bucket >= 8 else { return Int64(bucket) }
        let exponent = bucket / 8 + 2
        return (Int64(bucket % 8 + 9) << (exponent - 3)) &- 1  // The last bucket ends where Int64 does.
    }
}
