import Benchmark
import DaybookCore

/// What the contract costs by itself: values, metadata, and the in-memory store with a payload of 200 bytes.
///
/// Every figure is for one operation, whatever the scaling of the benchmark.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .throughput], scalingFactor: .kilo, maxDuration: .seconds(2))

    registerValueBenchmarks()
    registerMetadataBenchmarks()
    registerStoreBenchmarks()
}
