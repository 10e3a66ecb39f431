import CSQLite
import DaybookCore
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("Large events that are removed")
struct RemovalTests {
    /// Counts the events that each transaction of the writer's connection removed.
    private final class Removals: Sendable {
        private struct Counts {
            /// In the transaction that is open.
            var current = 0
            var committed: [Int] = []
        }

        private let counts = Mutex(Counts())

        /// Of each transaction that removed any, since the last question.
        func take() -> [Int] {
            counts.withLock { counts in
                defer { counts.committed = [] }
                return counts.committed
            }
        }

        func watch(_ store: SQLiteEventStore) async {
            await withCheckedContinuation { continuation in
                let isAdded = store.committer.submit(
                    .upkeep { thread in
                        let itself = Unmanaged.passUnretained(self).toOpaque()
                        sqlite3_update_hook(
                            thread.connection.handle,
                            { context, change, _, table, _ in
                                guard let context, let table, change == SQLITE_DELETE else { return }
                                if String(cString: table) == "events" { Removals.at(context).remove() }
                            }, itself)
                        sqlite3_commit_hook(
                            thread.connection.handle,
                            { context in
                                if let context { Removals.at(context).commit() }
                                return 0
                            }, itself)
                        continuation.resume()
                    })
                if !isAdded { continuation.resume() }
            }
        }

        private static func at(_ context: UnsafeMutableRawPointer) -> Removals {
            Unmanaged<Removals>.fromOpaque(context).takeUnretainedValue()
        }

        private func remove() { counts.withLock { $0.current += 1 } }

        private func commit() {
            counts.withLock { counts in
                if counts.current > 0 { counts.committed.append(counts.current) }
                counts.current = 0
            }
        }
    }

    /// Of a megabyte each; the fifth makes a transaction full.
    private static let count = 20

    private func fill(_ path: String) async throws -> SQLiteEventStore {
        let store = try await SQLiteEventStore.open(path)
        for _ in 0..<2 {
            let event = { NewEvent(type: "t", data: Array(repeating: 7, count: 1_000_000)) }
            try await store.append((0..<Self.count / 2).map { _ in event() }, to: "a-1")
        }
        try await store.append([NewEvent(type: "t", data: [])], to: "a-1")
        return store
    }

    @Test("by scavenging go in several transactions, whose pages lie in memory until they commit")
    func scavenging() async throws {
        let folder = try TemporaryFolder()
        let store = try await fill(folder.path("log.daybook"))
        try await store.setRetention(Retention(maxCount: 1), of: "a-1")
        let removals = Removals()
        await removals.watch(store)
        let report = try await store.scavenge()
        #expect(report.events == Int64(Self.count) && report.bytes > 20_000_000)
        #expect(removals.take() == [5, 5, 5, 5])
        #expect(try await IndexTests.read(store).map(\.position) == [21, 22])
        #expect(try await store.verify().isSound)
        await store.close()
        withExtendedLifetime(removals) {}
    }

    @Test("by archiving do so, too")
    func archiving() async throws {
        let folder = try TemporaryFolder()
        let store = try await fill(folder.path("log.daybook"))
        let events = try await IndexTests.read(store)
        let removals = Removals()
        await removals.watch(store)
        let report = try await store.archive(through: 20)
        #expect(report.events == Int64(Self.count))
        #expect(removals.take() == [5, 5, 5, 5])
        #expect(try await IndexTests.read(store) == events)
        await store.close()
        withExtendedLifetime(removals) {}
    }
}
