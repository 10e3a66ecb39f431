import DaybookCore
import DaybookTesting
import Testing

@testable import Daybook

@Suite("An inbox")
struct InboxTests {
    private struct Unwilling: Error {}

    private func event(_ position: Int64) -> RecordedEvent {
        RecordedEvent(
            id: EventID(high: 1, low: UInt64(position)), type: "t", schemaVersion: 1, contentType: .json, data: [],
            metadata: [], tags: [], stream: "s-1", version: 0, position: Position(position),
            recordedAt: Timestamp(microseconds: 0))
    }

    private func delivery(_ position: Int64, fence: Int64, key: ConsumerKey = "k") -> ConsumerDelivery<AccountEvent> {
        ConsumerDelivery(events: [.closed], recorded: event(position), key: key, attempt: 1, fence: fence)
    }

    private func add(_ documents: inout InboxDocuments) async throws {
        try documents.set(try await (documents.document("n") ?? []) + [1], for: "n")
    }

    @Test("takes an event once for each handler", arguments: TestStore.all)
    func once(_ store: TestStore) async throws {
        let store = try await store.make()
        for handler: InboxHandlerName in ["a", "b", "a/b"] {
            let inbox = Inbox(handler, model: "m", in: store)
            #expect(try await inbox.once(event(1), add))
            #expect(try await !inbox.once(event(1), add))
        }
        #expect(try await store.document("n", of: "m") == [1, 1, 1])
    }

    @Test("saves nothing of a handler that throws", arguments: TestStore.all)
    func rollback(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        await #expect(throws: Unwilling.self) {
            try await inbox.once(event(1)) { documents in
                try await add(&documents)
                throw Unwilling()
            }
        }
        #expect(try await store.document("n", of: "m") == nil)
        #expect(try await inbox.once(event(1), add))
    }

    @Test("refuses a delivery that is older than the last of its key", arguments: TestStore.all)
    func fence(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        #expect(try await inbox.once(delivery(2, fence: 7), add))
        await #expect(throws: InboxError.fenced(key: "k", fence: 5, latest: 7)) {
            try await inbox.once(delivery(1, fence: 5), add)
        }
        #expect(try await inbox.once(delivery(3, fence: 5, key: "other"), add))
        #expect(try await store.document("n", of: "m") == [1, 1])
    }

    @Test("keeps its own entries from the handler", arguments: TestStore.all)
    func reserved(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        await #expect(throws: InboxError.reservedKey("\u{1F}event")) {
            try await inbox.once(event(1)) { try $0.set([], for: "\u{1F}event") }
        }
    }

    @Test("says with its first change what its read model is", arguments: TestStore.all)
    func mark(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        for position in Int64(1)...2 {
            try await inbox.once(event(position), add)
            #expect(try await inbox.forget(through: Position(position)) == 1)
            #expect(try await store.document("\u{1F}inbox", of: "m") != nil)
            // Begun anew, it says so again.
            try await store.deleteReadModel("m")
        }
    }

    @Test("of an earlier version says with its next change what its read model is", arguments: TestStore.all)
    func markLater(_ store: TestStore) async throws {
        let store = try await store.make()
        try await store.commit(DocumentBatch(model: "m", changes: ["n": [1]], previous: .start, checkpoint: 1))
        let inbox = Inbox("a", model: "m", in: store)
        #expect(try await inbox.once(delivery(2, fence: 7), add))
        #expect(try await store.document("\u{1F}inbox", of: "m") != nil)
        #expect(try await store.document("n", of: "m") == [1, 1])
        #expect(try await !inbox.once(delivery(2, fence: 7), add))
    }

    @Test("counts right when many take events at once", arguments: TestStore.all)
    func contention(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for number in 0..<60 {
                tasks.addTask { try await inbox.once(event(Int64(number % 20 + 1)), add) }
            }
            try await tasks.waitForAll()
        }
        #expect(try await store.document("n", of: "m")?.count == 20)
    }

    @Test("forgets what will not come again, and its own handler's alone", arguments: TestStore.all)
    func forget(_ store: TestStore) async throws {
        let store = try await store.make()
        let inbox = Inbox("a", model: "m", in: store)
        let other = Inbox("b", model: "m", in: store)
        for position in Int64(1)...10 {
            try await inbox.once(event(position), add)
            try await other.once(event(position), add)
        }
        #expect(try await inbox.forget(through: 4) == 4)
        #expect(try await inbox.forget(through: 4) == 0)
        #expect(try await !inbox.once(event(5), add))
        #expect(try await !other.once(event(1), add))
    }
}
