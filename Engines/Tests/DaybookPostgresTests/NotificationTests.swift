import DaybookCore
import StoreTrials
import Testing

@testable import DaybookPostgres

@Suite("A subscription in PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)), .serialized)
struct NotificationTests {
    /// Follows a store until an event of type `end`.
    private func follow(_ store: PostgresEventStore) async throws -> [Position] {
        var positions: [Position] = []
        for try await item in store.subscribe(pageSize: 10) {
            guard case .event(let event) = item else { continue }
            positions.append(event.position)
            if event.type == "end" { break }
        }
        return positions
    }

    @Test(
        "sees each event of another store once, by its notification alone or by asking alone", arguments: [true, false])
    func otherStore(byNotification: Bool) async throws {
        try await Server.withSchema { schema in
            let writing = try await Server.open(schema)
            // Asks once an hour, or hears nothing since its listener is cut off again and again.
            let reading = try await Server.open(schema) {
                $0.pollInterval = byNotification ? .seconds(3600) : .milliseconds(20)
            }
            let positions = try await withThrowingTaskGroup(of: Void.self) { group in
                async let followed = follow(reading)
                if !byNotification {
                    group.addTask {
                        while !Task.isCancelled {
                            try Server.sql(
                                """
                                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                                WHERE application_name = 'daybook notifications'
                                """)
                            try? await Task.sleep(for: .milliseconds(10))
                        }
                    }
                }
                for number in 0..<200 {
                    try await writing.append([NewEvent(type: number == 199 ? "end" : "happened", data: [])], to: "a-1")
                    if number % 20 == 0 { try await Task.sleep(for: .milliseconds(10)) }
                }
                let positions = try await followed
                group.cancelAll()
                try await group.waitForAll()
                return positions
            }
            #expect(positions == (1...200).map { Position($0) })
            await writing.close()
            await reading.close()
        }
    }

    /// As after a fail-over to a standby that lacks the last events.
    @Test("waits for the next event also when the log ends before what was heard of it")
    func endsEarlier() async throws {
        try await Server.withSchema { schema in
            let store = try await Server.open(schema)
            for _ in 0..<3 { try await store.append([NewEvent(type: "happened", data: [])], to: "a-1") }
            try Server.sql("DELETE FROM \(schema).events WHERE position > 1")
            let hasEnded = Flag()
            let waiting = Task {
                defer { hasEnded.set() }
                return try await store.head(beyond: 1)
            }
            try await eventually("it waits, or has not") { store.signal.isAwaited || hasEnded.isSet }
            try await store.append([NewEvent(type: "happened", data: [])], to: "a-1")
            #expect(try await waiting.value == 2)
            await store.close()
        }
    }

    @Test("asks as seldom as it is told to", arguments: [Duration.seconds(30 * 86_400), .seconds(Int64.max)])
    func pollInterval(_ interval: Duration) async throws {
        try await Server.withStore {
            $0.pollInterval = interval
        } _: { store in
            let waiting = Task { try await store.head(beyond: .start) }
            try await eventually("it waits") { store.signal.isAwaited }
            try await store.append([NewEvent(type: "happened", data: [])], to: "a-1")
            #expect(try await waiting.value == 1)
        }
    }
}
