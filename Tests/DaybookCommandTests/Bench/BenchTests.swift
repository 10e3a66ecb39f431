import DaybookCore
import DaybookSQLite
import Foundation
import Synchronization
import Testing

@testable import DaybookCommand

@Suite("The benchmark")
struct BenchTests {
    @Test("knows its workloads by name, and a name without a number stands for all of them")
    func names() {
        #expect(Workload.names(in: "W1, W2-32") == ["W1", "W2-32"])
        #expect(Workload.names(in: "W2,W2-32") == ["W2-32", "W2-128"])
        #expect(Workload.names(in: "W8") == ["W8-100k", "W8-1M", "W8-100kx10", "W8-1Mx10", "W8-1Mx1M"])
        #expect(Workload.names(in: "W8-10M") == ["W8-10M"])
        #expect(Workload.names(in: "W8-100M") == ["W8-100M"])
        #expect(Workload.names(in: "W12") == nil)
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
            func figures() async throws -> [BenchmarkFigure] {
                [.init(name: "file_bytes", value: 2048)]
            }
            func opensAfterCrash() async throws -> Duration? { .milliseconds(3) }
            func close() async {}
        }
        let workload = try #require(Workload(name: name))
        // The in-memory store looks at every event for a condition or a log page, so that little is stored here.
        let benchmark = Benchmark(raw: RawDisk(), duration: .milliseconds(20), storedEvents: 10_000) {
            Store(events: InMemoryEventStore())
        }
        let small: Workload =
            if case .grown(_, let perStream) = workload { .grown(events: 10_000, perStream: perStream) } else {
                workload
            }
        for measurement in try await benchmark.run(name, small, runs: 2) {
            #expect(measurement.events > 0)
            #expect(measurement.name.hasPrefix(name))
        }
    }

    @Test("compares large logs with small ones of the same streams, and groups with threads in the same run")
    func budgets() {
        var raw = RawDisk()
        (raw.threads32, raw.threads128) = (1_000, 2_000)
        #expect(Budget.of("W2-32", raw: raw, rates: [:])?.eventsPerSecond == 1_200)
        #expect(Budget.of("W2-128", raw: raw, rates: [:])?.eventsPerSecond == 4_000)
        let rates = ["W8-100k-read": 100.0, "W8-100kx10-read": 50]
        #expect(Budget.of("W8-10M-read", raw: raw, rates: rates)?.eventsPerSecond == 90)
        #expect(Budget.of("W8-1M-read", raw: raw, rates: rates)?.eventsPerSecond == 90)
        #expect(Budget.of("W8-10Mx10-read", raw: raw, rates: rates)?.eventsPerSecond == 45)
        #expect(Budget.of("W8-1Mx10-read", raw: raw, rates: rates)?.eventsPerSecond == 45)
        #expect(Budget.of("W8-100k-read", raw: raw, rates: rates) == nil)
        #expect(Budget.of("W8-1Mx1M-read", raw: raw, rates: rates) == nil)
        #expect(Budget.of("W8-100M-read", raw: raw, rates: rates)?.eventsPerSecond == 90)
        #expect(Budget.of("W8-100Mx10-read", raw: raw, rates: rates)?.eventsPerSecond == 45)
        #expect(Budget.of("W8-10M-open", raw: raw, rates: [:])?.p50 == 1_000)
    }

    @Test("judges memory by what the caches may take, and 64 MiB more")
    func memory() {
        var measurement = Measurement(
            "W8-1M-fill", events: 1, elapsed: .seconds(1), latencies: [1], isDurable: true, raw: nil)
        measurement.figures = [BenchmarkFigure(name: "memory_bytes", value: Double(128 << 20))]
        measurement.budget = Budget.of(
            "W8-1M-fill", raw: RawDisk(), rates: ["W8-100k-fill": 1], cacheBytes: Double(192 << 20))
        #expect(measurement.ratio == 2)
        #expect(measurement.budget?.description == "memory ≤ 256.0 MiB")
        #expect(Budget.of("W8-1M-fill", raw: RawDisk(), rates: [:]) == nil)
        var configuration = SQLiteEventStore.Configuration()
        (configuration.readerCount, configuration.cacheBytes) = (1, 10 << 20)
        (configuration.cachedNames, configuration.indexEntriesInMemory) = (1_000, 100)
        #expect(configuration.cacheBytesInAll == 2 * (10 << 20 + 150_000) + 6_000)
    }

    @Test("has threads share syncs, each of which comes before the appends that it is for")
    func threads() throws {
        let written = Mutex((bytes: 0, writes: 0))
        let commit = ThreadGroupCommit(bytes: 10, fileBytes: 1_000) { bytes, offset in
            #expect(offset + bytes.count <= 1_000)
            written.withLock { $0 = ($0.bytes + bytes.count, $0.writes + 1) }
            usleep(500)
        }
        let rate = try commit.appendsPerSecond(threads: 8, during: .milliseconds(100))
        let (bytes, writes) = written.withLock { $0 }
        #expect(rate > 0 && bytes % 10 == 0 && bytes / 10 > writes)
        let failing = ThreadGroupCommit(bytes: 10, fileBytes: 1_000) { _, _ in throw CocoaError(.fileWriteUnknown) }
        #expect(throws: CocoaError.self) { try failing.appendsPerSecond(threads: 8, during: .seconds(60)) }
    }
}
