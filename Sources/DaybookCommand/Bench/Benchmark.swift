import DaybookCore
import Dispatch
import Synchronization

/// Runs workloads against stores that `makeStore` opens, each an empty one, with payloads of 200 B and 100 B of metadata.
struct Benchmark {
    static let eventsPerStream = 1_000

    let raw: RawDisk
    let duration: Duration
    /// Events that the reading workloads store before.
    var storedEvents = 100_000
    /// Whether the store has events on the disk when it acknowledges them.
    var isDurable = true
    let makeStore: () async throws -> any BenchmarkStore

    /// Runs a workload several times, and returns the run with the middle rate. A workload may give several measurements.
    func run(_ name: String, _ workload: Workload, runs: Int = 1) async throws -> [Measurement] {
        if case .grown(let events, let perStream) = workload {
            return try await withStore {
                try await grown(name, events: events, perStream: perStream, runs: runs, in: $0)
            }
        }
        var measured: [Measurement] = []
        for _ in 0..<runs {
            measured.append(
                try await withStore { store in
                    var measurement = try await run(name, workload, on: store.events)
                    if case .single = workload {
                        measurement.figures = try await store.figures().filter { $0.name == "commit_mean_ms" }
                        measurement.figures.append(
                            BenchmarkFigure(name: "disk_sync_ms", value: 1_000 / max(raw.preallocated, 1)))
                    }
                    return measurement
                })
        }
        return Measurement.median(measured).map { [$0] } ?? []
    }

    private func withStore<Value>(_ body: (any BenchmarkStore) async throws -> Value) async throws -> Value {
        let store = try await makeStore()
        do {
            let value = try await body(store)
            await store.close()
            return value
        } catch {
            await store.close()
            throw error
        }
    }

    private func run(_ name: String, _ workload: Workload, on store: any EventStore) async throws -> Measurement {
        let ownStream: @Sendable (Int) -> StreamName = { StreamName(unchecked: "bench-\($0)") }
        switch workload {
        case .single(let writers):
            return try await append(name, writers: writers, batch: 1, on: store, stream: ownStream)
        case .batch(let writers, let events):
            return try await append(name, writers: writers, batch: events, on: store, stream: ownStream)
        case .contended(let writers):
            return try await append(name, writers: writers, batch: 1, on: store) { _ in "bench-shared" }
        case .conditional(let writers): return try await conditional(name, writers: writers, on: store)
        case .readStreams, .grown:
            try await fill(store, events: storedEvents, perStream: Self.eventsPerStream)
            return try await readStreams(name, stored: storedEvents, perStream: Self.eventsPerStream, on: store)
        case .readLog:
            try await fill(store, events: storedEvents, perStream: Self.eventsPerStream)
            return try await readLog(name, on: store)
        case .subscriber: return try await subscriber(name, on: store)
        case .followed(let subscribers):
            return try await followed(name, subscribers: subscribers, on: store, stream: ownStream)
        }
    }

    /// What the disk alone does of this work.
    private func rawRate(writers: Int, batch: Int) -> Double {
        if batch > 1 { return raw.sequentialBytes / Double(EventSample.bytes) }
        switch writers {
        case 1: return raw.preallocated
        case 32: return raw.threads32
        case 128: return raw.threads128
        default: return raw.grouped
        }
    }

    func append(
        _ name: String, writers: Int, batch: Int, on store: any EventStore,
        stream: @Sendable @escaping (Int) -> StreamName
    ) async throws -> Measurement {
        let (latencies, elapsed) = try await timed(writers: writers) { writer, _ in
            try await store.append(EventSample.events(batch), to: stream(writer))
        }
        return Measurement(
            name, events: latencies.count * batch, elapsed: elapsed, latencies: latencies, isDurable: isDurable,
            raw: rawRate(writers: writers, batch: batch))
    }

    func conditional(_ name: String, writers: Int, on store: any EventStore) async throws -> Measurement {
        let run = EventID()
        let (latencies, elapsed) = try await timed(writers: writers) { writer, position in
            let tags: [Tag] = [Tag(unchecked: "account:\(run)-\(writer)"), Tag(unchecked: "owner:\(run)-\(writer)")]
            var events = EventSample.events(1)
            events[0].tags = tags
            let result = try await store.append(
                events, to: StreamName(unchecked: "bench-\(writer)"),
                condition: AppendCondition(failIfEventsMatch: EventQuery(tags: Set(tags)), after: position))
            position = result.position
        }
        return Measurement(
            name, events: latencies.count, elapsed: elapsed, latencies: latencies, isDurable: isDurable,
            raw: rawRate(writers: writers, batch: 1))
    }

    /// Appends of 32 writers while subscribers follow the log: what arrived at all of them by the end of the last append.
    private func followed(
        _ name: String, subscribers: Int, on store: any EventStore, stream: @Sendable @escaping (Int) -> StreamName
    ) async throws -> Measurement {
        let arrivals = Arrivals()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<subscribers {
                group.addTask {
                    var count = 0
                    for try await item in store.subscribe() {
                        guard case .event = item else { continue }
                        count += 1
                        // Not each of them: subscribers would wait for one another here.
                        if count.isMultiple(of: 64) { arrivals.count.withLock { $0 += 64 } }
                    }
                }
            }
            var measurement = try await append(name, writers: 32, batch: 1, on: store, stream: stream)
            let seconds = max(measurement.elapsed / .seconds(1), 1e-9)
            measurement.figures = [
                BenchmarkFigure(name: "delivered_per_s", value: Double(arrivals.count.withLock { $0 }) / seconds)
            ]
            group.cancelAll()
            return measurement
        }
    }

    /// Lets writers repeat an operation until the time is over, and returns how long each took.
    private func timed(
        writers: Int, _ operation: @Sendable @escaping (Int, inout Position) async throws -> Void
    ) async throws -> ([Int64], Duration) {
        let start = ContinuousClock.now
        let end = start + duration
        let latencies = try await withThrowingTaskGroup(of: [Int64].self) { group in
            for writer in 0..<writers {
                group.addTask {
                    var latencies: [Int64] = []
                    var position = Position.start
                    var now = ContinuousClock.now
                    repeat {
                        try await operation(writer, &position)
                        let then = ContinuousClock.now
                        latencies.append((then - now).nanoseconds)
                        now = then
                    } while now < end
                    return latencies
                }
            }
            var all: [Int64] = []
            for try await part in group { all += part }
            return all
        }
        return (latencies, ContinuousClock.now - start)
    }

    private func readLog(_ name: String, on store: any EventStore) async throws -> Measurement {
        let start = ContinuousClock.now
        var latencies: [Int64] = []
        var events = 0
        var now = start
        repeat {
            var position = Position.start
            var isAtEnd = false
            while !isAtEnd {
                let page = try await store.readPage(
                    from: .after(position), direction: .forward, filter: .all, limit: 5_000)
                events += page.events.count
                position = page.scannedThrough
                isAtEnd = page.isAtEnd
                let then = ContinuousClock.now
                latencies.append((then - now).nanoseconds)
                now = then
            }
        } while now - start < duration
        return Measurement(name, events: events, elapsed: now - start, latencies: latencies, isDurable: false, raw: nil)
    }

    /// One event each millisecond; the time from before its append to its arrival.
    private func subscriber(_ name: String, on store: any EventStore) async throws -> Measurement {
        let period = Duration.milliseconds(1)
        let count = max(10, Int(duration / period))
        let start = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: [(Int, ContinuousClock.Instant)].self) { group in
            group.addTask {
                var arrived: [(Int, ContinuousClock.Instant)] = []
                for try await item in store.subscribe() {
                    guard case .event(let event) = item else { continue }
                    arrived.append((Int(event.version.rawValue), .now))
                    if arrived.count == count { break }
                }
                return arrived
            }
            group.addTask {
                var sent: [(Int, ContinuousClock.Instant)] = []
                let clock = ContinuousClock()
                for index in 0..<count {
                    let due = start + period * index
                    if clock.now < due { try await clock.sleep(until: due, tolerance: .zero) }
                    sent.append((index, .now))
                    try await store.append(EventSample.events(1), to: "bench-live")
                }
                return sent
            }
            var times: [[(Int, ContinuousClock.Instant)]] = []
            for try await part in group { times.append(part) }
            // Whichever of the two ended first, the earlier of an event's two moments is the one it was sent at.
            return zip(times[0], times[1]).map { first, second in
                max((second.1 - first.1).nanoseconds, (first.1 - second.1).nanoseconds)
            }
        }
        return Measurement(
            name, events: count, elapsed: ContinuousClock.now - start, latencies: latencies, isDurable: isDurable,
            raw: raw.preallocated)
    }
}

/// How many events have arrived at all subscribers.
private final class Arrivals: Sendable {
    let count = Mutex(0)
}

/// A store that a benchmark closes, and throws away, when a workload is done.
protocol BenchmarkStore: Sendable {
    var events: any EventStore { get }
    /// What the store takes up, and how long its commits took so far.
    func figures() async throws -> [BenchmarkFigure]
    /// How long opening takes after the process was killed; nil when there is no such thing.
    func opensAfterCrash() async throws -> Duration?
    func close() async
}

/// The events that workloads append: 200 B of JSON and 100 B of metadata.
enum EventSample {
    static let bytes = 300
    private static let data: [UInt8] = padded(
        #"{"account":"DE02120300000000202051","amount":"1250.00","currency":"EUR""#, to: 200)
    private static let metadata: [UInt8] = padded(#"{"$correlationId":"0190a6f2-0000-7000-8000-000000000001""#, to: 100)

    static func events(_ count: Int) -> [NewEvent] {
        (0..<count).map { _ in
            NewEvent(type: EventType(unchecked: "account.deposited"), data: data, metadata: metadata)
        }
    }

    private static func padded(_ start: String, to count: Int) -> [UInt8] {
        let middle = start + ",\"note\":\""
        return Array((middle + String(repeating: "x", count: count - middle.utf8.count - 2) + "\"}").utf8)
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
