import Benchmark
import DaybookCore

/// Metadata as most events carry it: who, why and what caused it.
func registerMetadataBenchmarks() {
    let metadata = EventMetadata(
        correlationID: "018f3c5e-7d1a-7000-8000-000000000001", causationID: "018f3c5e-7d1a-7000-8000-000000000002",
        actor: "trader-17", reason: "client order")
    let bytes = metadata.encoded()

    Benchmark("EventMetadata: encode four keys") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(metadata.encoded()) }
    }

    Benchmark("EventMetadata: decode four keys") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(try? EventMetadata(decoding: bytes)) }
    }
}
