/// Counts values by size, in buckets whose bounds are fixed: two atomic additions a value, no lock, and no memory.
package final class MetricHistogram: Sendable {
    /// What the whole numbers are that are recorded, and what is told of them.
    package enum Unit: Double, Sendable {
        /// Recorded as nanoseconds, told in seconds.
        case seconds = 1e9
        case things = 1
    }

    /// What was counted up to one moment.
    package struct Snapshot: Sendable, Equatable {
        /// The highest value of each bucket, but for the last one, which has none.
        package let bounds: [Double]
        /// How many values are at or below each bound, and last how many there are.
        package let cumulative: [Int]
        package let sum: Double

        package var count: Int { cumulative.last ?? 0 }
    }

    /// From a group commit that shares its sync to one that waits for a broken disk.
    package static let times = [
        50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 25_000_000, 50_000_000,
        100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
    ]

    /// Of what is done together.
    package static let sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]

    private let unit: Unit
    private let bounds: [Int]
    private let buckets: [MetricCount]
    private let sum = MetricCount()

    /// - Parameter bounds: The highest value of each bucket, ascending; one more bucket takes what is beyond.
    package init(_ unit: Unit, bounds: [Int]) {
        self.unit = unit
        self.bounds = bounds
        buckets = (0...bounds.count).map { _ in MetricCount() }
    }

    /// Of times.
    package convenience init() { self.init(.seconds, bounds: Self.times) }

    package func record(_ value: Int) {
        var bucket = 0
        while bucket < bounds.count, value > bounds[bucket] { bucket += 1 }
        buckets[bucket].add()
        sum.add(max(value, 0))
    }

    package func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        record(Int(clamping: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000))
    }

    package var snapshot: Snapshot {
        var total = 0
        let cumulative = buckets.map { bucket in
            total += bucket.value
            return total
        }
        return Snapshot(
            bounds: bounds.map { Double($0) / unit.rawValue }, cumulative: cumulative,
            sum: Double(sum.value) / unit.rawValue)
    }
}
