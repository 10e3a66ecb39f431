import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("In a damaged file the store")
struct StoreDamageTests {
    private static let requests = 60

    /// A closed store of some requests, all in its one file.
    private struct Sample {
        let directory: TemporaryDirectory
        let history = AppendHistory()
        var path: String { directory.path("log.daybook") }

        init(indexEntriesInMemory: Int = 100) async throws {
            directory = try TemporaryDirectory()
            var generator = SeededGenerator(seed: 11)
            let store = try await SQLiteEventStore.open(
                path, configuration: .faulty(nil, indexEntriesInMemory: indexEntriesInMemory))
            for number in 0..<StoreDamageTests.requests {
                try await history.append(.random(writer: 1, number: number, using: &generator), to: store)
            }
            await store.close()
        }

        /// Runs statements of SQL on the closed file.
        func change(_ statements: String) throws {
            let database = try RawDatabase(path)
            try database.execute("DROP TABLE numbers")
            try database.execute(statements)
            database.close()
        }

        func open() async throws -> SQLiteEventStore {
            try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        }
    }

    @Test("names the position and the stream of an event with a flipped bit, and reads all others")
    func flippedEvent() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        var store = try await SQLiteEventStore.open(path)
        for number in 1...30 {
            try await store.append(
                [NewEvent(type: "Counted", data: Array("marked payload \(number);".utf8))],
                to: StreamName(unchecked: "damage-\(number % 3)"))
        }
        await store.close()
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let place = try #require(bytes.range(of: Data("marked payload 17;".utf8)))
        bytes[place.lowerBound + 3] ^= 4
        try bytes.write(to: URL(fileURLWithPath: path))

        store = try await SQLiteEventStore.open(path)
        let error = await #expect(throws: ReadError.self) { for try await _ in store.events() {} }
        guard case .corrupted(17, "damage-2", let file, _) = error else {
            Issue.record("\(String(describing: error)) does not tell position 17 and stream damage-2")
            return
        }
        #expect(file == path)
        var others = 0
        for number in 1...30 where number != 17 {
            let page = try await store.readPage(
                from: .position(Position(Int64(number))), direction: .forward, filter: .all, limit: 1)
            others += page.events.count
        }
        #expect(others == 29)
        let report = try await store.verify()
        #expect(report.findings.map(\.position) == [17])
        #expect(report.findings.first?.stream == "damage-2")
        #expect(report.eventsChecked == 29)
        try await store.append([NewEvent(type: "Counted", data: [1])], to: "damage-2")
        await store.close()
    }

    @Test(
        "builds the index anew, and loses nothing",
        arguments: [
            "DROP TABLE index_blocks", "DROP TABLE index_segments",
            "DROP TABLE index_blocks; DROP TABLE index_segments",
            "DELETE FROM index_blocks", "DELETE FROM index_segments",
            "DELETE FROM index_blocks WHERE id % 2 = 1", "UPDATE index_blocks SET data = randomblob(length(data))",
            "UPDATE index_blocks SET data = x''", "UPDATE index_blocks SET id = id + 1000000",
            "UPDATE index_blocks SET data = (SELECT data FROM index_blocks ORDER BY id LIMIT 1)",
            "UPDATE index_segments SET map = x''", "UPDATE index_segments SET map = zeroblob(length(map))",
            "UPDATE index_segments SET map = (SELECT map FROM index_segments ORDER BY id LIMIT 1)",
            "UPDATE index_segments SET first = first + 1",
            "UPDATE index_segments SET last = last - 1", "UPDATE index_segments SET last_name = last_name - 1",
            "UPDATE index_segments SET last_commit = last_commit - 1", "UPDATE index_segments SET crc = crc + 1",
            "UPDATE index_segments SET blocks = blocks - 1", "UPDATE index_segments SET level = 60",
            "UPDATE index_segments SET controls = controls + 1",
        ])
    func damagedIndex(_ damage: String) async throws {
        let sample = try await Sample()
        try sample.change(damage)
        var store = try await sample.open()
        #expect(try await sample.history.violations(in: store) == [], "As it is, after \(damage).")
        try await sample.history.append(
            AppendRequest(writes: [
                StreamWrite(stream: "shared-1", action: .append([NewEvent(type: "Counted", data: [1])]))
            ]), to: store)
        try await store.reindex()
        #expect(try await sample.history.violations(in: store) == [], "After reindex.")
        let report = try await store.verify()
        #expect(report.isSound, "\(report.findings)")
        await store.close()
        store = try await sample.open()
        #expect(try await sample.history.violations(in: store) == [], "Opened again.")
        await store.close()
    }

    @Test("finds a part of the index that no lookup meets any more, and builds it anew")
    func hiddenIndexRows() async throws {
        for damage in [
            "DELETE FROM index_blocks WHERE id >= 2 << 24",
            "UPDATE index_blocks SET data = substr(data, 1, 20) || x'7B' || substr(data, 22)",
        ] {
            let sample = try await Sample()
            try sample.change(damage)
            let store = try await sample.open()
            // Opening may have come across it, and built the index anew.
            if try await store.verify().isSound {
                #expect(try await sample.history.violations(in: store) == [], "Verify misses \(damage).")
            }
            try await store.reindex()
            #expect(try await store.verify().isSound)
            #expect(try await sample.history.violations(in: store) == [], "After \(damage).")
            await store.close()
        }
    }

    @Test(
        "of which the definition of derived state's tables is damaged is told by verify, as by those reads",
        arguments: [
            ("checkpoints", "name TEXT PRIMARY KEY, positiom INTEGER, head INTEGER"),
            ("checkpoints", "name TEXT, position INTEGER, head INTEGER, PRIMARY KEY(position, name)"),
            ("snapshots", "key TEXT PRIMARY KEY, version, position, schema, data, crb, head"),
        ])
    func derivedDefinitions(_ table: String, _ columns: String) async throws {
        let sample = try await Sample()
        let end = table == "checkpoints" ? " WITHOUT ROWID" : ""
        try sample.change(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_master SET sql = 'CREATE TABLE \(table)(\(columns))\(end)' WHERE name = '\(table)'
            """)
        let store = try await sample.open()
        await #expect(throws: DerivedStateError.self) { try await store.checkpoint(for: "reader") }
        let report = try await store.verify()
        #expect(report.findings.contains { $0.reason.contains("checkpoints, snapshots") }, "\(report.findings)")
        #expect(try await sample.history.violations(in: store) == [])
        await store.close()
    }

    /// Rows of the index that a disk brings back from an earlier attempt have the right checksums.
    @Test("finds events that the index no longer leads to by their tags, though it does by their streams")
    func olderIndex() async throws {
        let directory = try TemporaryDirectory()
        let (path, other) = (directory.path("log.daybook"), directory.path("other.daybook"))
        for (file, tags) in [(path, ["a:1"] as [DaybookCore.Tag]), (other, [])] {
            let store = try await SQLiteEventStore.open(
                file, configuration: .faulty(nil, indexEntriesInMemory: 8))
            for number in 0..<40 {
                try await store.append([NewEvent(type: "Counted", data: [UInt8(number)], tags: tags)], to: "damage-1")
            }
            #expect(try await store.verify().isSound)
            await store.close()
        }
        let database = try RawDatabase(path)
        try database.execute("ATTACH '\(other)' AS other")
        for table in ["index_blocks", "index_segments"] {
            try database.execute("DELETE FROM \(table); INSERT INTO \(table) SELECT * FROM other.\(table)")
        }
        database.close()
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(nil, indexEntriesInMemory: 8))
        let findings = try await store.verify().findings
        #expect(!findings.isEmpty && findings.allSatisfy { $0.reason.contains("by its tags") })
        try await store.reindex()
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("never returns another event than was recorded, whatever bit of the file changed, and verify finds it")
    func anyBit() async throws {
        let sample = try await Sample()
        let original = try Data(contentsOf: URL(fileURLWithPath: sample.path))
        let reference = try await sample.open()
        let truth = try await Reading(of: reference)
        #expect(truth.errors == 0)
        await reference.close()
        var generator = SeededGenerator(seed: FaultSeed.value)
        var found = 0
        for _ in 0..<FaultSeed.states / 5 {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            var bytes = original
            let offset = Int.random(in: 0..<bytes.count, using: &generator)
            let bit = Int.random(in: 0..<8, using: &generator)
            bytes[offset] ^= 1 << bit
            try bytes.write(to: URL(fileURLWithPath: path))
            guard let store = try? await SQLiteEventStore.open(path, configuration: .faulty(nil)) else {
                found += 1
                continue
            }
            let place: Comment = "byte \(offset), bit \(bit), seed \(FaultSeed.value)"
            let reading = try await Reading(of: store)
            #expect(reading.differenceOfEvents(from: truth) == nil, place)
            if reading.errors > 0 || reading.differenceOfIndex(from: truth) != nil {
                found += 1
                let report = try? await store.verify()
                #expect(report?.isSound != true, "Verify misses it: \(place)")
            }
            // A bit of the index can hide what is in the log until verify tells and reindex brings it back.
            if reading.errors == 0, reading.differenceOfIndex(from: truth) != nil {
                try await store.reindex()
                #expect(try await Reading(of: store).differenceOfIndex(from: truth) == nil, place)
            }
            await store.close()
        }
        #expect(found > 0)
    }

    /// All that can be read from a store, event by event, and how often that failed.
    private struct Reading {
        var events: [Position: RecordedEvent] = [:]
        var streams: [StreamName: [EventID]] = [:]
        var names: [StreamName]?
        var head = Position.start
        var errors = 0

        init(of store: SQLiteEventStore) async throws {
            head = try await store.head()
            for number in stride(from: Int64(1), through: head.rawValue, by: 1) {
                do {
                    let page = try await store.readPage(
                        from: .position(Position(number)), direction: .forward, filter: .everything, limit: 1)
                    for event in page.events { events[event.position] = event }
                } catch { errors += 1 }
            }
            do { names = try await store.streams(after: nil, limit: 1000) } catch { errors += 1 }
            for stream in Set(events.values.map(\.stream)) {
                do {
                    streams[stream] = []
                    for try await event in store.events(of: stream) { streams[stream]?.append(event.id) }
                } catch {
                    errors += 1
                    streams[stream] = nil
                }
            }
        }

        /// What the log has otherwise, and gives without an error.
        func differenceOfEvents(from truth: Reading) -> String? {
            if head != truth.head { return "the head is \(head), not \(truth.head)" }
            for (position, event) in events.sorted(by: { $0.key < $1.key }) where truth.events[position] != event {
                return "the event at \(position) is another"
            }
            if errors == 0, events.count != truth.events.count { return "only \(events.count) events are there" }
            return nil
        }

        /// What the index leads to otherwise, and without an error.
        func differenceOfIndex(from truth: Reading) -> String? {
            if let names, names != truth.names { return "the names of the streams differ" }
            for (stream, ids) in streams {
                guard let expected = truth.streams[stream] else { return "there is a new stream '\(stream)'" }
                if ids != expected { return "stream '\(stream)' has \(ids.count) of \(expected.count) events" }
            }
            return nil
        }
    }

    @Test("is refused when the log is shorter than its own checkpoints, receipts or index say")
    func truncatedLog() async throws {
        for keeper in ["checkpoint", "receipt", "index", "end"] {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            let store = try await SQLiteEventStore.open(
                path, configuration: .faulty(nil, indexEntriesInMemory: keeper == "index" ? 4 : 100_000))
            for number in 0..<20 {
                try await store.append(
                    AppendRequest(
                        writes: [
                            StreamWrite(
                                stream: "cut-1", action: .append([NewEvent(type: "Counted", data: [UInt8(number)])]))
                        ], commandID: keeper == "receipt" ? CommandID(unchecked: "c-\(number)") : nil))
            }
            if keeper == "checkpoint" { try await store.save(Checkpoint(after: 20), for: "reader") }
            await store.close()
            let database = try RawDatabase(path)
            try database.execute("DROP TABLE numbers; DELETE FROM events WHERE position > 3")
            if keeper != "end" { try database.execute("DELETE FROM log_end") }
            database.close()
            let error = await #expect(throws: OpenError.self, "\(keeper)") {
                try await SQLiteEventStore.open(path, configuration: .faulty(nil)).close()
            }
            guard case .logTooShort(path, 3, _, let by)? = error, by.contains(keeper) else {
                Issue.record("\(keeper): \(String(describing: error)) is no logTooShort")
                continue
            }
        }
    }

    @Test("whose end is cut off is refused, or read as it was: never shorter and silent")
    func cutFile() async throws {
        let sample = try await Sample()
        let original = try Data(contentsOf: URL(fileURLWithPath: sample.path))
        for length in stride(from: 0, to: original.count, by: 1536) {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            try original.prefix(length).write(to: URL(fileURLWithPath: path))
            guard let store = try? await SQLiteEventStore.open(path, configuration: .faulty(nil)) else { continue }
            let violations = try? await sample.history.violations(in: store)
            let report = try? await store.verify()
            // An empty file is a new one: that it once was full nothing in it can tell.
            #expect(length == 0 || violations == [] || report?.isSound != true, "cut at \(length) of \(original.count)")
            await store.close()
        }
    }

    @Test("finds half an append at the end of the log")
    func halfAppend() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        var store = try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        for _ in 1...2 {
            try await store.append((1...2).map { NewEvent(type: "Counted", data: [UInt8($0)]) }, to: "half-1")
        }
        #expect(try await store.verify().isSound)
        await store.close()
        let database = try RawDatabase(path)
        // Nothing is left that knows of a longer log.
        try database.execute("DROP TABLE numbers; DROP TABLE log_end; DELETE FROM events WHERE position = 4")
        database.close()
        store = try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        let report = try await store.verify()
        #expect(report.findings.map(\.position) == [3])
        #expect(report.findings.first?.reason == "it is event 1 of the 2 of its append, and the last of the log")
        await store.close()
    }
}
