import DaybookCore
import Foundation
import Testing

@testable import DaybookCommand

@Suite("The benchmark")
struct BenchTests {
    @Test("knows its workloads by name, and a name without a number stands for all of them")
    func names() {
        #expect(Workload.names(in: "W1, W2-32") == ["W1", "W2-32"])
        #expect(Workload.names(in: "W2,W2-32") == ["W2-32", "W2-128"])
        #expect(Workload.names(in: "W8") == ["W8-100k", "W8-1M"])
        #expect(Workload.names(in: "W8-10M") == ["W8-10M"])
        #expect(Workload.names(in: "W11") == nil)
        #expect(Workload.names(in: "") == nil)
        for name in Workload.standard + Workload.onRequest { #expect(Workload(name: name) != nil, "\(name)") }
    }

    @Test("finds medians, percentiles and how far a budget is kept")
    func figures() {
        var measurement = Measurement(
            "W1", events: 1000, elapsed: .seconds(2), latencies: (1...100).map { $0 * 1_000_000 }, isDurable: true,
            raw: 1000)
        #expect(measurement.eventsPerSecond == 500)
        #expect(measurement.milliseconds(0.5) == 50)
        #expect(measurement.milliseconds(0.99) == 99)
        measurement.budget = Budget(eventsPerSecond: 1000, p99: 198)
        #expect(measurement.ratio == 0.5)
        let text = String(decoding: measurement.line(peer: "daybook-embedded"), as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"peer":"daybook-embedded","workload":"W1","events_per_s":500,"p50_ms":50.0000,"p99_ms":99.0000,"durable":true,"raw_events_per_s":1000"#
            ))
    }

    @Test("runs every workload", arguments: Workload.standard)
    func runs(name: String) async throws {
        struct Store: BenchmarkStore {
            let events: any EventStore
            func close() async {}
        }
        let workload = try #require(Workload(name: name))
        // The in-memory store looks at every event for a condition or a log page, so that little is stored here.
        let benchmark = Benchmark(raw: RawDisk(), duration: .milliseconds(20), storedEvents: 10_000) {
            Store(events: InMemoryEventStore())
        }
        for measurement in try await benchmark.run(
            name, workload == .grown(events: 100_000) ? .grown(events: 10_000) : workload)
        {
            #expect(measurement.events > 0)
            #expect(measurement.name.hasPrefix(name))
        }
    }
}
