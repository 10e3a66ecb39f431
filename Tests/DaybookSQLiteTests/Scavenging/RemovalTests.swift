import CSQLite
import DaybookCore
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("Large events that are removed")
struct RemovalTests {
    /// Counts the transactions of the writer's connection that changed something.
    private final class Commits: Sendable {
        private let count = Mutex(0)

        /// How many came since the last question.
        func take() -> Int {
            count.withLock { count in
                defer { count = 0 }
                return count
            }
        }

        func watch(_ store: SQLiteEventStore) async {
            await withCheckedContinuation { continuation in
                let isAdded = store.committer.submit(
                    .upkeep { thread in
                        sqlite3_commit_hook(
                            thread.connection.handle,
                            { context in
                                guard let context else { return 0 }
                                Unmanaged<Commits>.fromOpaque(context).takeUnretainedValue().count.withLock { $0 += 1 }
                                return 0
                            }, Unmanaged.passUnretained(self).toOpaque())
                        continuation.resume()
                    })
                if !isAdded { continuation.resume() }
            }
        }
    }

    /// Five go in one transaction.
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
        let commits = Commits()
        await commits.watch(store)
        let report = try await store.scavenge()
        #expect(report.events == Int64(Self.count) && report.bytes > 20_000_000)
        // One that writes the index, perhaps one that notes the log's end, and four removals.
        #expect(commits.take() >= 4)
        #expect(try await IndexTests.read(store).map(\.position) == [21, 22])
        #expect(try await store.verify().isSound)
        await store.close()
        withExtendedLifetime(commits) {}
    }

    @Test("by archiving do so, too")
    func archiving() async throws {
        let folder = try TemporaryFolder()
        let store = try await fill(folder.path("log.daybook"))
        let events = try await IndexTests.read(store)
        let commits = Commits()
        await commits.watch(store)
        let report = try await store.archive(through: 20)
        #expect(report.events == Int64(Self.count))
        // One more lists the archive.
        #expect(commits.take() >= 5)
        #expect(try await IndexTests.read(store) == events)
        await store.close()
        withExtendedLifetime(commits) {}
    }
}
