import DaybookCore
import DaybookSQLite
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

@Suite("An inline read model")
struct InlineReadModelTests {
    private let event = NewEvent(type: "happened", data: [])

    private var configuration: SQLiteEventStore.Configuration {
        var configuration = SQLiteEventStore.Configuration()
        configuration.inlineReadModels = [EventCount()]
        return configuration
    }

    @Test("is as far as the append when the append returns")
    func changesWithTheAppend() async throws {
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        for count in 1...3 as ClosedRange<UInt8> {
            let result = try await store.append([NewEvent(type: "happened", data: [])], to: "counted-1")
            #expect(try await store.document("counted-1", of: "event-count") == [count])
            #expect(try await store.checkpoint(of: "event-count") == result.position)
        }
        try await store.append([event], to: "other-1")
        #expect(try await store.document("other-1", of: "event-count") == nil)
    }

    @Test("refuses an append, which then leaves no trace")
    func refuses() async throws {
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        let refused = NewEvent(type: "refused", data: [], tags: ["only:here"])
        await #expect(throws: AppendError.self) { try await store.append([event, refused], to: "counted-1") }
        #expect(try await store.head() == .start)
        #expect(try await store.state(of: "counted-1").status == .missing)
        #expect(try await store.document("counted-1", of: "event-count") == nil)
        let result = try await store.append([event], to: "counted-1", expecting: .noStream)
        #expect(result.version == 0 && result.position == 1)
        #expect(try await store.document("counted-1", of: "event-count") == [1])
        #expect(try await store.verify().isSound)
    }

    @Test("that cannot take what is recorded refuses the opening, and says which")
    func refusesOpening() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let before = try await SQLiteEventStore.open(path)
        try await before.append([event, NewEvent(type: "refused", data: [])], to: "counted-1")
        await before.close()
        await #expect(throws: OpenError.refused(path: path, by: "event-count", reason: "Refusal()")) {
            try await SQLiteEventStore.open(path, configuration: configuration)
        }
        let after = try await SQLiteEventStore.open(path)
        #expect(try await after.head() == 2)
        #expect(try await after.checkpoint(of: "event-count") == .start)
        await after.close()
    }

    private func expectRefusal(of stream: StreamName, by store: SQLiteEventStore) async throws {
        do {
            try await store.append([event], to: stream)
            Issue.record("'\(stream)' was appended to.")
        } catch {
            guard case .refused(by: "event-count", reason: _) = error else { throw error }
        }
    }

    @Test("that was deleted or moved while the store was open refuses appends until it is whole again")
    func changedMeanwhile() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path, configuration: configuration)
        for _ in 0..<3 { try await first.append([NewEvent(type: "happened", data: [])], to: "counted-1") }
        try await first.deleteReadModel("event-count")
        for stream in ["counted-1", "other-1"] as [StreamName] { try await expectRefusal(of: stream, by: first) }
        #expect(try await first.head() == 3)
        await first.close()

        let second = try await SQLiteEventStore.open(path, configuration: configuration)
        try await second.append([NewEvent(type: "happened", data: [])], to: "counted-1")
        #expect(try await second.document("counted-1", of: "event-count") == [4])
        try await second.commit(DocumentBatch(model: "event-count", changes: [:], previous: 4, checkpoint: 9))
        try await expectRefusal(of: "counted-1", by: second)
        try await second.deleteReadModel("event-count")
        await second.close()

        let third = try await SQLiteEventStore.open(path, configuration: configuration)
        try await third.append([event], to: "counted-1")
        #expect(try await third.document("counted-1", of: "event-count") == [5])
        await third.close()
    }

    @Test("that is new takes in what was recorded before")
    func catchesUp() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let before = try await SQLiteEventStore.open(path)
        for _ in 0..<5 { try await before.append([NewEvent(type: "happened", data: [])], to: "counted-1") }
        await before.close()
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        #expect(try await store.document("counted-1", of: "event-count") == [5])
        await store.close()
    }
}
