#if Server
/// How many events went by.
struct Throughput: Sendable {
    private(set) var total: Int64 = 0
    private var measured: Int64 = 0

    mutating func count() { total += 1 }

    /// How many there were since this was last asked.
    mutating func sinceLastMeasurement() -> Int64 {
        defer { measured = total }
        return total - measured
    }

    func perSecond(since start: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Int32 {
        let seconds = max(1, start.duration(to: now).components.seconds)
        return Int32(clamping: total / seconds)
    }
}
#endif
