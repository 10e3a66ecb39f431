import Daybook
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import Foundation
import GRDB

/// Measures the model over the embedded store: how fast read models and processes follow the log.
///
/// `swift run -c release --package-path Benchmarks ModelBenchmarks [events]`; by default a million events.
@main
struct ModelBenchmarks {
    static func main() async throws {
        let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-model-\(EventID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for keys in [10_000, count] {
            let store = try await SQLiteEventStore.open(folder.appendingPathComponent("\(keys).daybook").path)
            try await measure("append \(keys) accounts' events, 1 000 at once", count) {
                try await fill(store, count: count, accounts: keys)
            }
            try await measure("projection, \(keys) documents", count) {
                _ = try await ProjectionRunner(Balances(), of: store, in: store, batchSize: 10_000).catchUp()
            }
            for size in [500, 10_000] {
                let database = try DatabasePool(path: folder.appendingPathComponent("\(keys)-\(size).sqlite").path)
                try await measure("SQL projection, \(keys) rows, \(size) events a transaction", count) {
                    try await SQLProjectionRunner(BalanceRows(), of: store, in: database, batchSize: size).catchUp()
                }
                try database.close()
            }
            if keys == 10_000 {
                try await pastDocuments(store, accounts: keys)
                try await resume(store, count: count)
                try await measure("process manager: reactions (an event and a command each)", count) {
                    _ = try await ProcessRunner(Thanks.self, of: store, in: store) { _, _ in }.react()
                }
            }
            await store.close()
        }
        print("peak memory: \(peakMemory()) MiB")
    }

    private static func fill(_ store: SQLiteEventStore, count: Int, accounts: Int) async throws {
        let codec = JSONEventCodec<AccountEvent>()
        for start in stride(from: 0, to: count, by: 1000) {
            var request = AppendRequest()
            var events: [NewEvent] = []
            for number in start..<min(start + 1000, count) {
                // A stride that shares no factor with the accounts visits them all, far from one another.
                let event = AccountEvent.deposited(account: "a\(number &* 7919 % accounts)", amount: number % 100)
                let encoded = try codec.encode(event)
                events.append(NewEvent(type: encoded.type, data: encoded.data, tags: event.tags))
            }
            request.append(events, to: StreamName(unchecked: "account-\(start / 1000)"))
            _ = try await store.append(request)
        }
    }

    /// Documents as of the past, each by its own events.
    private static func pastDocuments(_ store: SQLiteEventStore, accounts: Int) async throws {
        let history = ProjectionHistory(Balances(), of: store)
        let head = try await store.head()
        var times: [Duration] = []
        for number in 0..<200 {
            let moment = Position(head.rawValue * Int64(number % 10 + 1) / 10)
            let clock = ContinuousClock()
            let start = clock.now
            _ = try await history.document("a\(number &* 7919 % accounts)", asOf: .position(moment))
            times.append(clock.now - start)
        }
        times.sort()
        print("document as of a position: p50 \(milliseconds(times[100])) ms, p99 \(milliseconds(times[197])) ms")
    }

    /// What a rebuild that is interrupted half way has to do again.
    private static func resume(_ store: SQLiteEventStore, count: Int) async throws {
        let rebuild = try ProjectionRebuild(
            of: "current", from: Balances(), to: Balances(name: "balances-2"), log: store, models: store)
        let task = Task {
            try await rebuild.build { step in
                if step.fraction > 0.5 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        _ = await task.result
        let half = try await store.checkpoint(of: "balances-2")
        try await measure("rebuild, from position \(half) where it was interrupted", count - Int(half.rawValue)) {
            try await rebuild.build()
        }
        try await measure("rebuild: comparison of all documents", 10_000) {
            let comparison = try await rebuild.compare()
            precondition(comparison.differenceCount == 0)
        }
    }

    private static func measure(_ name: String, _ count: Int, _ body: @Sendable () async throws -> Void) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        try await body()
        let time = clock.now - start
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        print("\(name): \(Int(Double(count) / seconds)) /s (\(milliseconds(time)) ms)")
    }

    private static func milliseconds(_ time: Duration) -> String {
        String(format: "%.2f", Double(time.components.seconds) * 1e3 + Double(time.components.attoseconds) / 1e15)
    }

    /// The greatest resident set so far, from the kernel's account of the process.
    private static func peakMemory() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line.flatMap { Int($0.filter(\.isNumber)) } ?? 0) / 1024
    }
}
