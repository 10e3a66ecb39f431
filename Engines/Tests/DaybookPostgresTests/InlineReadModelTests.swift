import DaybookCore
import DaybookPostgres
import Testing

/// Counts the events of each stream, and refuses those of type `refused`.
private struct EventCount: InlineReadModel {
    struct Refusal: Error {}

    let name: ReadModelName = "event-count"
    let filter = EventFilter(categories: ["counted"])

    func apply(_ events: [RecordedEvent], to documents: inout any InlineDocuments) throws {
        for event in events {
            let count = try documents.document(event.stream.rawValue)?.first ?? 0
            try documents.set([count + 1], for: event.stream.rawValue)
            if event.type == "refused" { throw Refusal() }
        }
    }
}

@Suite("An inline read model in PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct InlineReadModelTests {
    private let event = NewEvent(type: "happened", data: [])

    private func with(_ body: (PostgresEventStore) async throws -> Void) async throws {
        try await Server.withStore {
            $0.inlineReadModels = [EventCount()]
        } _: {
            try await body($0)
        }
    }

    @Test("is as far as the append when the append returns")
    func changesWithTheAppend() async throws {
        try await with { (store: PostgresEventStore) async throws -> Void in
            for count in 1...3 as ClosedRange<UInt8> {
                let result = try await store.append([NewEvent(type: "happened", data: [])], to: "counted-1")
                #expect(try await store.document("counted-1", of: "event-count") == [count])
                #expect(try await store.checkpoint(of: "event-count") == result.position)
            }
            try await store.append([event], to: "other-1")
            #expect(try await store.document("other-1", of: "event-count") == nil)
        }
    }

    @Test("refuses an append, which then leaves no trace, and no other of its group")
    func refuses() async throws {
        try await with { (store: PostgresEventStore) async throws -> Void in
            let refused = NewEvent(type: "refused", data: [], tags: ["only:here"])
            await #expect(throws: AppendError.self) { try await store.append([event, refused], to: "counted-1") }
            #expect(try await store.head() == .start)
            #expect(try await store.state(of: "counted-1").status == .missing)
            #expect(try await store.document("counted-1", of: "event-count") == nil)
            let accepted = await acceptedOfHundred(by: store)
            #expect(accepted == 66)
            #expect(try await store.head() == 66)
            #expect(try await store.document("counted-2", of: "event-count") == [66])
            #expect(try await store.state(of: "counted-2").lastVersion == 65)
        }
    }

    /// Appends a hundred events at once, of which every third is refused.
    private func acceptedOfHundred(by store: PostgresEventStore) async -> Int {
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let event = NewEvent(type: number % 3 == 0 ? "refused" : "happened", data: [])
                    return (try? await store.append([event], to: "counted-2")) != nil
                }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
    }

    @Test("that cannot take what is recorded refuses the opening, and says which")
    func refusesOpening() async throws {
        try await Server.withSchema { schema in
            let before = try await Server.open(schema)
            try await before.append([event, NewEvent(type: "refused", data: [])], to: "counted-1")
            await before.close()
            await #expect(throws: PostgresOpenError.refused(schema: schema, by: "event-count", reason: "Refusal()")) {
                try await Server.open(schema) { $0.inlineReadModels = [EventCount()] }
            }
            let after = try await Server.open(schema)
            #expect(try await after.head() == 2)
            #expect(try await after.checkpoint(of: "event-count") == .start)
            await after.close()
        }
    }

    @Test("that is new takes in what was recorded before, and what another store records without it")
    func catchesUp() async throws {
        try await Server.withSchema { schema in
            let without = try await Server.open(schema)
            for _ in 0..<5 { try await without.append([NewEvent(type: "happened", data: [])], to: "counted-1") }
            let with = try await Server.open(schema) { $0.inlineReadModels = [EventCount()] }
            #expect(try await with.document("counted-1", of: "event-count") == [5])
            try await without.append([event], to: "counted-1")
            #expect(try await with.document("counted-1", of: "event-count") == [5])
            try await with.append([NewEvent(type: "happened", data: [])], to: "counted-1")
            #expect(try await with.document("counted-1", of: "event-count") == [7])
            #expect(try await with.checkpoint(of: "event-count") == 7)
            await without.close()
            await with.close()
        }
    }

    @Test("counts each event once, by two stores at the same time while connections are cut")
    func shared() async throws {
        try await Server.withSchema { schema in
            let stores = [
                try await Server.open(schema) { $0.inlineReadModels = [EventCount()] },
                try await Server.open(schema) { $0.inlineReadModels = [EventCount()] },
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for _ in 0..<25 {
                            try await stores[writer % 2].append(
                                [NewEvent(type: "happened", data: [])], to: "counted-\(writer % 3)".asStream)
                        }
                    }
                }
                group.addTask {
                    for _ in 0..<10 {
                        try Server.sql(
                            """
                            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE application_name = 'daybook appends' AND random() < 0.5
                            """)
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                try await group.waitForAll()
            }
            var total = 0
            for number in 0..<3 {
                let stream = "counted-\(number)".asStream
                let count = try await stores[0].document(stream.rawValue, of: "event-count")?.first
                #expect(try await stores[0].state(of: stream).lastVersion == count.map { StreamVersion(Int64($0) - 1) })
                total += Int(count ?? 0)
            }
            #expect(total == 200)
            for store in stores { await store.close() }
        }
    }
}

extension String {
    fileprivate var asStream: StreamName { StreamName(unchecked: self) }
}
