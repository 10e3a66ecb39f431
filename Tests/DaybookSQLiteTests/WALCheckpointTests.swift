import CSQLite
import DaybookCore
import Foundation
import Testing

@testable import DaybookSQLite

@Suite("Checkpoints of the write-ahead log by another process")
struct WALCheckpointTests {
    private func configuration() -> SQLiteEventStore.Configuration {
        var configuration = SQLiteEventStore.Configuration.faulty(nil)
        configuration.walCheckpoints = .byAnotherProcess
        return configuration
    }

    @Test("are refused with a SQLite that two processes cannot share a file with")
    func refused() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        if sqlite3_libversion_number() >= 3_051_003 {
            await (try SQLiteEventStore.open(path, configuration: configuration())).close()
            return
        }
        let error = await #expect(throws: OpenError.self) {
            try await SQLiteEventStore.open(path, configuration: configuration())
        }
        #expect(error?.description.contains("3.51.3") == true)
    }

    @Test("are the only ones: the store makes none, neither at work nor when it is opened or closed")
    func leavesThem() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        await (try SQLiteEventStore.open(path, configuration: .faulty(nil))).close()
        var configuration = configuration()
        configuration.acceptsWALResetBug = true
        func databaseBytes() throws -> Int64 {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            return (attributes[.size] as? NSNumber)?.int64Value ?? 0
        }
        let before = try databaseBytes()
        for _ in 0..<2 {
            let store = try await SQLiteEventStore.open(path, configuration: configuration)
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
        var configuration = configuration()
        configuration.acceptsWALResetBug = true
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        let other = try RawDatabase(path)
        try other.execute("PRAGMA busy_timeout = 5000")
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
                try other.insert(number)
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
}
