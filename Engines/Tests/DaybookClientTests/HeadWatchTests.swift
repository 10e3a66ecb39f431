import DaybookCore
import StoreTrials
import Synchronization
import Testing

@testable import DaybookClient

@Suite("The watch of a log's head", .timeLimit(.minutes(1)))
struct HeadWatchTests {
    /// What the server was asked.
    private final class Questions: Sendable {
        private let asked = Mutex<[Position?]>([])

        func note(_ beyond: Position?) { asked.withLock { $0.append(beyond) } }

        func contains(_ beyond: Position) -> Bool { asked.withLock { $0.contains(beyond) } }
    }

    private func watching(_ store: InMemoryEventStore, _ questions: Questions = Questions()) -> HeadWatch {
        HeadWatch { (beyond: Position?) async throws(ReadError) -> Position in
            questions.note(beyond)
            guard let beyond else { return try await store.head() }
            return try await store.head(beyond: beyond)
        }
    }

    private func append(_ count: Int, to store: InMemoryEventStore) async throws {
        for _ in 0..<count { try await store.append([NewEvent(type: "noted", data: [1])], to: "account-1") }
    }

    @Test("wakes who is behind, though the connection was lost while another one waited at the head")
    func slowReader() async throws {
        let store = InMemoryEventStore()
        let questions = Questions()
        let watch = watching(store, questions)
        try await append(2, to: store)
        let quick = Task { try await watch.head(beyond: 2) }
        try await eventually("the server is asked for what lies beyond the head") { questions.contains(2) }
        watch.forget()
        // This one's page ended before the last event, and was read on only now.
        #expect(try await watch.head(beyond: 1) == 2)
        try await append(1, to: store)
        #expect(try await quick.value == 3)
        watch.close()
    }

    @Test("does not count what a server said that was lost meanwhile")
    func lateAnswer() async throws {
        let store = InMemoryEventStore()
        let watch = watching(store)
        try await append(1, to: store)
        let losses = watch.losses
        watch.forget()
        watch.note(9, asOf: losses)
        #expect(try await watch.head(beyond: .start) == 1)
        watch.close()
    }
}
