import Benchmark
import DaybookCore

/// Identifiers, times and names: made once for each event, so every nanosecond counts at a million events a second.
func registerValueBenchmarks() {
    Benchmark("EventID: new") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(EventID()) }
    }

    Benchmark("EventID: to text") { benchmark in
        let id = EventID()
        for _ in benchmark.scaledIterations { blackHole(id.description) }
    }

    Benchmark("EventID: from text") { benchmark in
        let text = EventID().description
        for _ in benchmark.scaledIterations { blackHole(EventID(text)) }
    }

    Benchmark("Timestamp: now") { benchmark in
        for _ in benchmark.scaledIterations { blackHole(TimeSource.system.now) }
    }

    Benchmark("Timestamp: to text") { benchmark in
        let time = TimeSource.system.now
        for _ in benchmark.scaledIterations { blackHole(time.description) }
    }

    Benchmark("Timestamp: from text") { benchmark in
        let text = TimeSource.system.now.description
        for _ in benchmark.scaledIterations { blackHole(Timestamp(text)) }
    }

    Benchmark("StreamName: check the bounds") { benchmark in
        let text = "account-6f1c2f3e"
        for _ in benchmark.scaledIterations { blackHole(try? StreamName(text)) }
    }

    Benchmark("StreamName: category") { benchmark in
        let stream: StreamName = "account-6f1c2f3e"
        for _ in benchmark.scaledIterations { blackHole(stream.category) }
    }
}
