import DaybookCore
import Foundation

/// What a log costs that has grown.
extension Benchmark {
    /// Fills a store, and measures in it: the filling and what it left, appends, reads, and an opening after a crash.
    func grown(
        _ name: String, events: Int, perStream: Int, runs: Int, in store: any BenchmarkStore
    ) async throws -> [Measurement] {
        let log = store.events
        let bar = ProgressBar(name, unit: "events stored")
        let start = ContinuousClock.now
        let commits = try await fill(log, events: events, perStream: perStream) {
            bar.update(done: Int64($0), total: Int64(events))
        }
        let elapsed = ContinuousClock.now - start
        bar.finish()
        var filling = Measurement(
            "\(name)-fill", events: events, elapsed: elapsed, latencies: commits, isDurable: isDurable,
            raw: raw.sequentialBytes / Double(EventSample.bytes))
        filling.figures = try await store.figures()
        var measured = [filling]

        func repeated(_ run: () async throws -> Measurement) async throws {
            var all: [Measurement] = []
            for _ in 0..<runs { all.append(try await run()) }
            if let median = Measurement.median(all) { measured.append(median) }
        }
        try await repeated {
            try await append("\(name)-append", writers: 1, batch: 1, on: log) { _ in "bench-grown" }
        }
        try await repeated {
            try await append("\(name)-append-32", writers: 32, batch: 1, on: log) {
                StreamName(unchecked: "bench-\($0)")
            }
        }
        let streams = max(1, events / perStream)
        try await repeated {
            try await append("\(name)-append-old", writers: 32, batch: 1, on: log) { _ in
                StreamName(unchecked: "stored-\(Int.random(in: 0..<streams))")
            }
        }
        try await repeated { try await conditional("\(name)-condition", writers: 1, on: log) }
        try await repeated { try await readStreams("\(name)-read", stored: events, perStream: perStream, on: log) }
        if let opening = try await store.opensAfterCrash() {
            measured.append(
                Measurement(
                    "\(name)-open", events: events, elapsed: opening, latencies: [opening.nanoseconds],
                    isDurable: false, raw: nil))
        }
        return measured
    }

    /// Stores events in appends of a hundred or more, in several streams in turns, as a log has them.
    ///
    /// - Returns: How long each append took, in nanoseconds.
    @discardableResult
    func fill(
        _ store: any EventStore, events: Int, perStream: Int, progress: (Int) -> Void = { _ in }
    ) async throws -> [Int64] {
        let (interleaved, batch) = perStream < 1_000 ? (100, 1) : perStream == 1_000 ? (10, 100) : (1, 1_000)
        var latencies: [Int64] = []
        var stored = 0
        for group in 0..<max(1, events / perStream / interleaved) {
            for _ in 0..<(perStream / batch) {
                var request = AppendRequest()
                for member in 0..<interleaved {
                    request.append(
                        EventSample.events(batch), to: StreamName(unchecked: "stored-\(group * interleaved + member)"))
                }
                let start = ContinuousClock.now
                try await store.append(request)
                latencies.append((ContinuousClock.now - start).nanoseconds)
                stored += interleaved * batch
                progress(stored)
            }
        }
        return latencies
    }

    /// Reads streams at random; of long ones a thousand events from anywhere.
    func readStreams(
        _ name: String, stored: Int, perStream: Int, on store: any EventStore
    ) async throws -> Measurement {
        let streams = max(1, stored / perStream)
        let start = ContinuousClock.now
        var latencies: [Int64] = []
        var events = 0
        var now = start
        var generator = SystemRandomNumberGenerator()
        repeat {
            let stream = StreamName(unchecked: "stored-\(Int.random(in: 0..<streams, using: &generator))")
            if perStream > Self.eventsPerStream {
                let version = Int64.random(in: 0...Int64(perStream - Self.eventsPerStream), using: &generator)
                let page = try await store.readPage(
                    of: stream, from: .version(StreamVersion(version)), direction: .forward,
                    limit: Self.eventsPerStream)
                events += page.events.count
            } else {
                for try await event in store.events(of: stream, pageSize: perStream) {
                    events += event.data.isEmpty ? 0 : 1
                }
            }
            let then = ContinuousClock.now
            latencies.append((then - now).nanoseconds)
            now = then
        } while now - start < duration
        return Measurement(name, events: events, elapsed: now - start, latencies: latencies, isDurable: false, raw: nil)
    }
}
