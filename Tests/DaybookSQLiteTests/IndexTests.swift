import CSQLite
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@Suite("The index")
struct IndexTests {
    /// Streams `s0-0` to `s4-0` with five events a batch, tagged by batch, in a file that is closed again.
    static func fill(_ path: String, batches: Int) async throws -> [RecordedEvent] {
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        for batch in 0..<batches {
            let events = (0..<5).map { index in
                NewEvent(
                    type: EventType(unchecked: "t\(index)"), data: [UInt8(index)],
                    tags: [Tag(unchecked: "batch:\(batch % 7)")])
            }
            try await store.append(events, to: StreamName(unchecked: "s\(batch % 5)-0"))
        }
        try await store.setRetention(Retention(maxCount: 10), of: "s0-0")
        try await store.delete("s1-0" as StreamName)
        let events = try await read(store)
        await store.close()
        return events
    }

    static func read(_ store: SQLiteEventStore) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        for try await event in store.events(filter: .everything) { events.append(event) }
        return events
    }

    /// Every way of reading gives what a look at every event gives.
    static func compare(_ store: SQLiteEventStore, with events: [RecordedEvent]) async throws {
        #expect(try await read(store) == events)
        for tag in 0..<8 {
            let filter = EventFilter(tags: [Tag(unchecked: "batch:\(tag)")])
            var found: [RecordedEvent] = []
            for try await event in store.events(filter: filter, pageSize: 7) { found.append(event) }
            #expect(found == events.filter(filter.matches))
        }
        for stream in ["s2-0", "s3-0", "s4-0"] as [StreamName] {
            var found: [RecordedEvent] = []
            for try await event in store.events(of: stream, from: .end, direction: .backward, pageSize: 9) {
                found.append(event)
            }
            #expect(found == events.filter { $0.stream == stream }.reversed())
        }
        #expect(try await store.state(of: "s0-0").retention == Retention(maxCount: 10))
        let deleted = try await store.state(of: "s1-0")
        #expect(deleted.status == .deleted, "\(deleted)")
    }

    static func execute(_ sql: String, on path: String) throws {
        var handle: OpaquePointer?
        #expect(sqlite3_open(path, &handle) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        #expect(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK, "\(String(cString: sqlite3_errmsg(handle)))")
    }

    @Test(
        "is built anew when it is missing, behind or damaged",
        arguments: [
            "DROP TABLE index_blocks", "DROP TABLE index_segments",
            "DROP TABLE index_blocks; DROP TABLE index_segments",
            "DELETE FROM index_segments WHERE id = (SELECT min(id) FROM index_segments)",
            "DELETE FROM index_segments", "UPDATE index_segments SET last = last + 1",
            "UPDATE index_blocks SET data = zeroblob(length(data))",
            "DELETE FROM index_blocks WHERE id = (SELECT min(id) FROM index_blocks)",
            "CREATE TABLE other(a); DROP TABLE index_blocks; ALTER TABLE other RENAME TO index_blocks",
        ])
    func rebuilds(_ damage: String) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let events = try await Self.fill(path, batches: 60)
        try Self.execute(damage, on: path)
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        try await Self.compare(store, with: events)
        try await store.append([NewEvent(type: "t", data: [])], to: "s2-0", expecting: .version(59))
        let report = try await store.verify()
        #expect(report.isSound, "\(report.findings.prefix(3))")
        await store.close()
    }

    @Test("that hides the end of a stream does not let its versions be used again")
    func hiddenRows() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        _ = try await Self.fill(path, batches: 60)
        try Self.execute("DELETE FROM index_blocks WHERE id >= 2 << 24", on: path)
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        let result = try await store.append([NewEvent(type: "t", data: [])], to: "s3-0")
        #expect(result.version == 60)
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test(
        "is written and built anew whatever is to gather in memory", .timeLimit(.minutes(1)),
        arguments: [0, -1, Int.max])
    func oddNumbers(indexEntriesInMemory: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = indexEntriesInMemory
        let first = try await SQLiteEventStore.open(path, configuration: configuration)
        for number in 0..<5 { try await first.append([NewEvent(type: "t", data: [UInt8(number)])], to: "a-1") }
        try await first.reindex()
        await first.close()
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        #expect(try await Self.read(store).map { Array($0.data) } == [[0], [1], [2], [3], [4]])
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("is built anew on demand, while readers read")
    func reindexes() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let events = try await Self.fill(path, batches: 60)
        let store = try await SQLiteEventStore.open(path, configuration: SQLiteEventStoreLawTests.small)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { try await Self.compare(store, with: events) } }
            group.addTask { for _ in 0..<5 { try await store.reindex() } }
            try await group.waitForAll()
        }
        try await Self.compare(store, with: events)
        await store.close()
    }
}

@Suite("A damaged event")
struct DamagedEventTests {
    @Test(
        "keeps nobody from the others, in the index or behind it, built anew or not",
        arguments: [80, 20, 36, 44], [8, 200_000])
    func othersAreRead(changing byte: Int, indexEntriesInMemory: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let events = try await IndexTests.fill(path, batches: 20)
        try IndexTests.execute(
            """
            UPDATE events SET record = substr(record, 1, \(byte)) || x'7B' || substr(record, \(byte + 2))
            WHERE position = 42
            """, on: path)
        var configuration = SQLiteEventStore.Configuration()
        configuration.indexEntriesInMemory = indexEntriesInMemory
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        let damaged = events[41].stream
        #expect(try await store.verify().findings.map(\.position) == [42])
        await #expect(throws: ReadError.self) { for try await _ in store.events(of: damaged) {} }
        for stream in ["s2-0", "s3-0", "s4-0"] as [StreamName] where stream != damaged {
            var found: [RecordedEvent] = []
            for try await event in store.events(of: stream) { found.append(event) }
            #expect(found == events.filter { $0.stream == stream })
        }
        try await store.append([NewEvent(type: "t", data: [])], to: "s9-0", expecting: .noStream)
        try await store.reindex()
        #expect(try await store.verify().findings.map(\.position) == [42])
        await store.close()
    }

    @Test("at the end of the log does not let recorded times go back", arguments: [false, true])
    func times(isArchived: Bool) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        var configuration = SQLiteEventStore.Configuration()
        configuration.time = TimeSource { Timestamp(microseconds: 1000) }
        let first = try await SQLiteEventStore.open(path, configuration: configuration)
        for _ in 0..<3 {
            try await first.append([NewEvent(type: "t", data: Array(repeating: 1, count: 40))], to: "a-1")
        }
        if isArchived { try await first.archive(through: 2) }
        await first.close()
        try IndexTests.execute(
            "UPDATE events SET record = substr(record, 1, 80) || x'7B' || substr(record, 82) WHERE position > 1",
            on: path)
        configuration.time = TimeSource { Timestamp(microseconds: 5) }
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        let result = try await store.append([NewEvent(type: "t", data: [])], to: "b-1")
        #expect(result.recordedAt == Timestamp(microseconds: 1000))
        await store.close()
    }

    /// Whoever went from each position to the one below it would be on the way for centuries.
    @Test("whose number is another by now does not keep an opening from ending", .timeLimit(.minutes(1)))
    func numbers() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path)
        for _ in 0..<3 { try await first.append([NewEvent(type: "t", data: [1])], to: "a-1") }
        await first.close()
        try IndexTests.execute("UPDATE events SET position = 1 << 61 WHERE position = 3", on: path)
        // Opened or refused: what it may not do is hang.
        if let store = try? await SQLiteEventStore.open(path) {
            let isSound = try? await store.verify().isSound
            #expect(isSound != true)
            await store.close()
        }
    }

    /// The end that an opening notes down is one that salvage goes by.
    @Test("whose number is another by now is not noted down as the log's end by an opening that refuses the file")
    func notedEnd() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("log.daybook")
        let first = try await SQLiteEventStore.open(path)
        for _ in 0..<3 { try await first.append([NewEvent(type: "t", data: [1])], to: "a-1") }
        await first.close()
        try IndexTests.execute("UPDATE events SET position = 1500000 WHERE position = 3", on: path)
        await #expect(throws: OpenError.self) { try await SQLiteEventStore.open(path).close() }
        let saved = folder.path("saved.daybook")
        let report = try await SQLiteEventStore.salvage(path, to: saved)
        #expect(report.head == 3 && report.savedEvents == 2 && report.lostEvents == 1, "\(report)")
        let store = try await SQLiteEventStore.open(saved)
        let page = try await store.readPage(from: .start, direction: .forward, filter: .all, limit: 2)
        #expect(page.events.map(\.position) == [1, 2])
        await store.close()
    }
}
