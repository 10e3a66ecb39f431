import DaybookCore
import DaybookSQLite
import Foundation
import Synchronization

/// A writer and a reader at full speed, first alone, then beside subscribers that take one event and then do not pull.
///
/// Answers with the events that the reader was given a second in either half, and the events that were written.
struct IdleSubscribers {
    let path: String
    let count: Int
    let seconds: Double
    /// Whether the subscribers that should be idle keep every event that they can get: what must not fit into memory.
    let hoards: Bool

    private static let writers = 8
    private static let eventsPerAppend = 20
    private static let dataBytes = 250

    func run() async throws {
        let store = try await SQLiteEventStore.open(path)
        let first = try await measure(store, idle: 0)
        let second = try await measure(store, idle: count)
        let head = try await store.head().rawValue
        StoreUnderFaults.answer([
            "alone": first, "beside": second, "subscribers": count, "events": head, "peakKiB": Self.peakKiB(),
        ])
        await store.close()
    }

    /// The reader's rate, in events a second.
    private func measure(_ store: SQLiteEventStore, idle: Int) async throws -> Double {
        let start = try await store.head()
        let end = ContinuousClock.now + .seconds(seconds)
        let begun = ContinuousClock.now
        let counts = Counts()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<idle {
                // From the beginning, so that each has been given as many events as it asks for at a time.
                group.addTask { try await sit(store, counts) }
            }
            group.addTask {
                for try await item in store.subscribe(after: start) {
                    if case .event = item { counts.read.add(1, ordering: .relaxed) }
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { writers in
                for writer in 0..<Self.writers {
                    writers.addTask { try await write(store, StreamName("load-\(writer)"), until: end) }
                }
                try await writers.waitForAll()
            }
            group.cancelAll()
            while let result = await group.nextResult() {
                // A subscription ends by being cancelled; anything else is what this looks for.
                if case .failure(let error) = result, !(error is CancellationError), (error as? ReadError) != .cancelled
                {
                    throw error
                }
            }
        }
        let waiting = counts.waiting.load(ordering: .relaxed)
        guard waiting == idle else { throw Unserved(waiting: waiting, of: idle) }
        let elapsed = ContinuousClock.now - begun
        return Double(counts.read.load(ordering: .relaxed)) / (elapsed / .seconds(1))
    }

    private final class Counts: Sendable {
        /// Events that the reader was given.
        let read = Atomic(0)
        /// Subscribers that were given an event.
        let waiting = Atomic(0)
    }

    /// Some subscriber was never given an event.
    private struct Unserved: Error {
        let waiting: Int
        let of: Int
    }

    private func sit(_ store: SQLiteEventStore, _ counts: Counts) async throws {
        var iterator = store.subscribe().makeAsyncIterator()
        var kept: [SubscriptionItem] = []
        while let item = try await iterator.next() {
            guard case .event = item else { continue }
            if kept.isEmpty { counts.waiting.add(1, ordering: .relaxed) }
            kept.append(item)
            if !hoards { try await Task.sleep(for: .seconds(1_000_000)) }
        }
    }

    private func write(_ store: SQLiteEventStore, _ stream: StreamName, until end: ContinuousClock.Instant) async throws
    {
        let data = [UInt8](repeating: UInt8(ascii: "x"), count: Self.dataBytes)
        while ContinuousClock.now < end {
            let events = (0..<Self.eventsPerAppend).map { _ in
                NewEvent(type: "Loaded", contentType: "text/plain", data: data)
            }
            try await store.append(events, to: stream)
        }
    }

    /// The most memory that the process ever had resident, in KiB; 0 where the system does not tell.
    private static func peakKiB() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return Int(line.filter(\.isNumber)) ?? 0
    }
}
