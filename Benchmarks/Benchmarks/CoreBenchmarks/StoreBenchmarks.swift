import Benchmark
import DaybookCore

/// The in-memory store: what the rules of an append and the pages of a read cost before any disk.
func registerStoreBenchmarks() {
    let data = [UInt8](repeating: UInt8(ascii: "x"), count: 200)

    Benchmark("InMemoryEventStore: append one event, any version") { benchmark in
        let store = InMemoryEventStore()
        benchmark.startMeasurement()
        for _ in benchmark.scaledIterations {
            blackHole(try await store.append([NewEvent(type: "noted", data: data)], to: "note-1"))
        }
    }

    Benchmark("InMemoryEventStore: append one event, at its version, with a command") { benchmark in
        let store = InMemoryEventStore()
        benchmark.startMeasurement()
        for number in benchmark.scaledIterations {
            blackHole(
                try await store.append(
                    [NewEvent(type: "noted", data: data)], to: "note-1",
                    expecting: number == 0 ? .noStream : .version(StreamVersion(Int64(number) - 1)),
                    commandID: CommandID("command \(number)")))
        }
    }

    Benchmark("InMemoryEventStore: append 100 events at once, for each event") { benchmark in
        let store = InMemoryEventStore()
        benchmark.startMeasurement()
        for _ in 0..<(benchmark.scaledIterations.count / 100) {
            let events = (0..<100).map { _ in NewEvent(type: "noted", data: data) }
            blackHole(try await store.append(events, to: "note-1"))
        }
    }

    Benchmark("LogEvents: read the log") { benchmark in
        let store = try await filledStore(events: benchmark.scaledIterations.count, data: data)
        benchmark.startMeasurement()
        for try await event in store.events() { blackHole(event) }
    }

    Benchmark("StreamEvents: read a stream") { benchmark in
        let store = try await filledStore(events: benchmark.scaledIterations.count, data: data)
        benchmark.startMeasurement()
        for try await event in store.events(of: "note-1") { blackHole(event) }
    }

    Benchmark("Subscription: catch up") { benchmark in
        let store = try await filledStore(events: benchmark.scaledIterations.count, data: data)
        benchmark.startMeasurement()
        for try await item in store.subscribe() {
            if case .caughtUp = item { break }
            blackHole(item)
        }
    }
}

/// A store with one stream of so many events.
private func filledStore(events: Int, data: [UInt8]) async throws -> InMemoryEventStore {
    let store = InMemoryEventStore()
    for start in stride(from: 0, to: events, by: 1000) {
        let batch = (start..<min(start + 1000, events)).map { _ in NewEvent(type: "noted", data: data) }
        try await store.append(batch, to: "note-1")
    }
    return store
}
