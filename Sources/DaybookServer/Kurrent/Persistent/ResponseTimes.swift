#if Server
/// How long a client took for its last events.
struct ResponseTimes: Sendable {
    private var milliseconds: [Int64] = []
    private var next = 0

    /// How many events are remembered.
    static let capacity = 1_000

    mutating func record(_ time: Duration) {
        let (seconds, attoseconds) = time.components
        let value = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        if milliseconds.count < Self.capacity {
            milliseconds.append(value)
        } else {
            milliseconds[next] = value
            next = (next + 1) % Self.capacity
        }
    }

    /// The names that clients know, and milliseconds.
    var measurements: [(key: String, value: Int64)] {
        guard !milliseconds.isEmpty else { return [] }
        let sorted = milliseconds.sorted()
        func part(_ share: Double) -> Int64 { sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))] }
        var found: [(key: String, value: Int64)] = [
            ("Mean", sorted.reduce(0, +) / Int64(sorted.count)), ("Median", part(0.5)), ("Fastest", sorted[0]),
        ]
        for quintile in 1...5 { found.append(("Quintile \(quintile)", part(Double(quintile) * 0.2))) }
        for (key, share) in [("90%", 0.9), ("95%", 0.95), ("99%", 0.99), ("99.5%", 0.995), ("99.9%", 0.999)] {
            found.append((key, part(share)))
        }
        found.append(("Highest", sorted[sorted.count - 1]))
        return found
    }
}
#endif
