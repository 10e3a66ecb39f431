import DaybookCore
import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite(
    "An answer of several messages, of which one is lost on the way,",
    .enabled(if: TestCluster.isThere, TestCluster.skipped), .timeLimit(.minutes(5)))
struct LostMessageTests {
    /// Gives a body two connections to one store; to the second one a message of a direct read does not arrive.
    private func withLossy(
        losing number: Int, _ body: (JetStreamEventStore, JetStreamEventStore) async throws -> Void
    ) async throws {
        try await TestCluster.withStore { store in
            // The messages of such an answer, and its end, say how many are behind them.
            let relay = try CuttingRelay(
                to: try #require(TestCluster.urls), losing: (text: "Nats-Num-Pending", number: number))
            defer { relay.close() }
            let lossy = try await JetStreamEventStore.connect(
                relay.url, store: store.subjects.store, configuration: TestCluster.configuration())
            do { try await body(store, lossy) } catch {
                await lossy.close()
                throw error
            }
            await lossy.close()
        }
    }

    @Test("is asked for again: a read of the log gives every event", arguments: [1, 3, 11])
    func events(_ number: Int) async throws {
        try await withLossy(losing: number) { store, lossy in
            let events = (0..<10).map { NewEvent(type: "counted", data: Array("\($0)".utf8)) }
            try await store.append(events, to: "count-1")
            let page = try await lossy.readPage(
                from: .start, direction: .forward, filter: .everything, limit: 100)
            #expect(page.events.map(\.id) == events.map(\.id))
        }
    }

    @Test("is asked for again: no document counts as missing", arguments: [1, 3])
    func documents(_ number: Int) async throws {
        try await withLossy(losing: number) { store, lossy in
            let keys = ["a", "b", "c", "d", "e"]
            try await store.commit(
                DocumentBatch(
                    model: "tape",
                    changes: Dictionary(uniqueKeysWithValues: keys.map { ($0, Optional([1 as UInt8])) }),
                    previous: .start, checkpoint: 1))
            let found = try await lossy.documents(keys, of: "tape")
            #expect(found.keys.sorted() == keys)
        }
    }
}
