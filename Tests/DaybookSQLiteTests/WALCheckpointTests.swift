import CSQLite
import DaybookCore
import Foundation
import Testing

@testable import DaybookSQLite

@Suite("Checkpoints of the write-ahead log by another process")
struct WALCheckpointTests {
    private func configuration(acceptsWALResetBug: Bool = true) -> SQLiteEventStore.Configuration {
        var configuration = SQLiteEventStore.Configuration.faulty(nil)
        configuration.walCheckpoints = .byAnotherProcess
        configuration.acceptsWALResetBug = acceptsWALResetBug
        return configuration
    }

    @Test("are refused with a SQLite that two processes cannot share a file with")
    func refused() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        if sqlite3_libversion_number() >= 3_051_003 {
            await (try SQLiteEventStore.open(path, configuration: configuration(acceptsWALResetBug: false))).close()
            return
        }
        let error = await #expect(throws: OpenError.self) {
            try await SQLiteEventStore.open(path, configuration: configuration(acceptsWALResetBug: false))
        }
        #expect(error?.description.contains("3.51.3") == true)
    }

    @Test("are the only ones: the store makes none, neither at work nor when it is opened or closed")
    func leavesThem() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        await (try SQLiteEventStore.open(path, configuration: .faulty(nil))).close()
        func databaseBytes() throws -> Int64 {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.size] as? NSNumber)?.int64Value ?? 0
        }
        let before = try databaseBytes()
        for _ in 0..<2 {
            let store = try await SQLiteEventStore.open(path, configuration: configuration())
            for _ in 0..<90 {
                try await store.append(
                    [NewEvent(type: "Counted", data: Array(repeating: 1, count: 800_000))], to: "big-1")
            }
            let writer = try #require(try await store.statistics().writer)
            #expect(writer.walPages > 16_000)
            await store.close()
        }
        #expect(try databaseBytes() == before, "Nothing was copied into the database.")
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        #expect(try databaseBytes() > before)
        #expect(try await store.head() == 180)
        #expect(try await store.verify().isSound)
        await store.close()
    }

    /// Stands in for Litestream: holds a read transaction, lets go of it for a checkpoint, and writes a table of its own.
    @Test("go on beside 8 writers, and the store has everything")
    func beside() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let store = try await SQLiteEventStore.open(path, configuration: configuration())
        let other = try RawDatabase(path)
        // A lock is no queue: who asks for it now and then waits long beside writers that always have work.
        try other.execute("PRAGMA busy_timeout = 120000")
        let history = AppendHistory()
        let isDone = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    var generator = SeededGenerator(seed: FaultSeed.value + UInt64(writer))
                    var number = 0
                    while !isDone.isSet {
                        try await history.append(.random(writer: writer, number: number, using: &generator), to: store)
                        number += 1
                    }
                }
            }
            defer { isDone.set() }
            for number in 1...40 {
                try other.execute("BEGIN; SELECT count(*) FROM sqlite_master")
                let head = try await store.head()
                _ = try await store.head(beyond: Position(head.rawValue + 20))
                try other.execute("COMMIT")
                if number % 8 == 0 { try other.insert(number) }
                try other.execute("PRAGMA wal_checkpoint(\(number % 4 == 0 ? "RESTART" : "PASSIVE"))")
            }
        }
        #expect(try await history.violations(in: store) == [])
        #expect(try await store.verify().isSound)
        await store.close()
        other.close()
        let again = try await SQLiteEventStore.open(path, configuration: .faulty(nil))
        #expect(try await history.violations(in: again) == [])
        await again.close()
    }

    /// SQLite begins its log anew when the database has all of it, and may be stopped while it writes the new header.
    @Test(
        "leave a log whose header was half written, which is damage only when the database lacks something of the log")
    func tornHeader() async throws {
        for (earlier, isCheckpointed) in [(0, true), (60, true), (0, false), (60, false)] {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            let store = try await SQLiteEventStore.open(path, configuration: configuration())
            let other = try RawDatabase(path)
            for _ in 0..<earlier { try await store.append([NewEvent(type: "Counted", data: [1])], to: "before-1") }
            if earlier > 0 { try other.execute("PRAGMA wal_checkpoint(RESTART)") }
            for _ in 0..<20 { try await store.append([NewEvent(type: "Counted", data: [1])], to: "torn-1") }
            if isCheckpointed { try other.execute("PRAGMA wal_checkpoint(FULL)") }
            let copy = directory.path("copy.daybook")
            for suffix in ["", "-wal"] {
                try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
            }
            other.close()
            await store.close()
            var log = try Data(contentsOf: URL(fileURLWithPath: copy + "-wal"))
            for offset in 12..<24 { log[offset] ^= 0x5A }
            try log.write(to: URL(fileURLWithPath: copy + "-wal"))
            guard isCheckpointed else {
                await #expect(throws: OpenError.self, "\(earlier) appends before") {
                    try await SQLiteEventStore.open(copy, configuration: .faulty(nil))
                }
                continue
            }
            let again = try await SQLiteEventStore.open(copy, configuration: .faulty(nil))
            #expect(try await again.head() == Position(Int64(earlier + 20)))
            #expect(try await again.verify().isSound)
            await again.close()
        }
    }
}
