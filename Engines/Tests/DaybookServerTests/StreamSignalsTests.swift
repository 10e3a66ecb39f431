import DaybookCore
import Testing

@testable import DaybookServer

@Suite struct StreamSignalsTests {
    /// Signals that follow the log by now: whoever was there before is woken then, once.
    private static func running(_ store: InMemoryEventStore) async throws -> (StreamSignals, Task<Void, Never>) {
        let signals = StreamSignals(store: store)
        let early = signals.interest(in: "early")
        let run = Task { await signals.run() }
        try await early.wait(beyond: 0)
        signals.drop(early)
        return (signals, run)
    }

    @Test(.timeLimit(.minutes(1))) func whatIsRecordedBeforeTheLogIsFollowedWakesThoseWhoWait() async throws {
        let store = InMemoryEventStore()
        let signals = StreamSignals(store: store)
        let interest = signals.interest(in: "a")
        try await store.append([NewEvent(type: "Placed", data: [])], to: "a")
        let run = Task { await signals.run() }
        defer { run.cancel() }
        try await interest.wait(beyond: 0)
    }

    @Test(.timeLimit(.minutes(1))) func followersOfOtherStreamsAreLeftAsleep() async throws {
        let store = InMemoryEventStore()
        let (signals, run) = try await Self.running(store)
        defer { run.cancel() }
        let mine = signals.interest(in: "a")
        let other = signals.interest(in: "b")
        for _ in 0..<200 {
            let seen = mine.count
            try await store.append([NewEvent(type: "Placed", data: [])], to: "a")
            try await mine.wait(beyond: seen)
        }
        #expect(other.count == 0)
        signals.drop(other)
        signals.drop(mine)
    }

    @Test(.timeLimit(.minutes(1))) func theDeletionOfAStreamWakesItsFollowers() async throws {
        let store = InMemoryEventStore()
        let (signals, run) = try await Self.running(store)
        defer { run.cancel() }
        let interest = signals.interest(in: "a")
        let seen = interest.count
        try await store.tombstone("a")
        try await interest.wait(beyond: seen)
    }

    @Test(.timeLimit(.minutes(1))) func followersOfCategoriesTypesAndNewStreamsAreWoken() async throws {
        let store = InMemoryEventStore()
        let (signals, run) = try await Self.running(store)
        defer { run.cancel() }
        let subjects: [StreamSignals.Subject] = [
            .category("order"), .type("Placed"), .newStreams, .newStreamsOfCategory("order"),
        ]
        let mine = subjects.map { signals.interest(in: $0) }
        let others = [
            signals.interest(in: .category("customer")), signals.interest(in: .type("Sent")),
            signals.interest(in: .newStreamsOfCategory("customer")),
        ]
        let seen = mine.map(\.count)
        try await store.append([NewEvent(type: "Placed", data: [])], to: "order-1")
        for (interest, count) in zip(mine, seen) { try await interest.wait(beyond: count) }
        // The second event of the stream is none of a new one.
        let again = mine.map(\.count)
        try await store.append([NewEvent(type: "Placed", data: [])], to: "order-1")
        for (interest, count) in zip(mine, again).prefix(2) { try await interest.wait(beyond: count) }
        #expect(mine[2...].map(\.count) == Array(again[2...]))
        #expect(others.allSatisfy { $0.count == 0 })
        for interest in mine + others { signals.drop(interest) }
    }

    @Test(.timeLimit(.minutes(1))) func aLogThatCannotBeReadAtFirstIsNotReadFromItsBeginning() async throws {
        let store = WatchedStore(failsFirstHead: true)
        for _ in 0..<3 { try await store.append([NewEvent(type: "Placed", data: [])], to: "a") }
        let signals = StreamSignals(store: store)
        let interest = signals.interest(in: "b")
        let run = Task { await signals.run() }
        defer { run.cancel() }
        // Woken once to see for itself that the log cannot be read, and once when it can.
        while interest.count < 2 { try await interest.wait(beyond: interest.count) }
        let seen = interest.count
        try await store.append([NewEvent(type: "Placed", data: [])], to: "b")
        try await interest.wait(beyond: seen)
        #expect(store.eventsRead == 1)
    }

    @Test(.timeLimit(.minutes(1))) func aWaitEndsWhenItsTaskIsCancelled() async throws {
        let signals = StreamSignals(store: InMemoryEventStore())
        let interest = signals.interest(in: "a")
        let wait = Task { try await interest.wait(beyond: interest.count) }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
    }
}
