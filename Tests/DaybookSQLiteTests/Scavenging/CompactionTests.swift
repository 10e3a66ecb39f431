import CFaultFileSystem
import CSQLite
import DaybookCore
import Foundation
import Testing

@testable import DaybookSQLite

@Suite("Compacting")
struct CompactionTests {
    private func large() -> [NewEvent] {
        (0..<100).map { _ in NewEvent(type: "large", data: Array(repeating: 7, count: 10_000)) }
    }

    /// How often the writer's connection had to write a page before the commit, to have room for another one in memory.
    private func pagesWrittenEarly(_ store: SQLiteEventStore) async -> Int32 {
        await withCheckedContinuation { continuation in
            let isAdded = store.committer.submit(
                .upkeep { thread in
                    var count: Int32 = 0
                    var highest: Int32 = 0
                    sqlite3_db_status(
                        thread.connection.handle, SQLITE_DBSTATUS_CACHE_SPILL, &count, &highest, 0)
                    continuation.resume(returning: count)
                })
            if !isAdded { continuation.resume(returning: -1) }
        }
    }

    @Test("does not hold the file in memory; nothing else is written before its commit")
    func memory() async throws {
        let folder = try TemporaryFolder()
        var configuration = SQLiteEventStore.Configuration()
        configuration.cacheBytes = 256 << 10
        let store = try await SQLiteEventStore.open(folder.path("log.daybook"), configuration: configuration)
        for _ in 0..<4 { try await store.append(large(), to: "a-1") }
        #expect(await pagesWrittenEarly(store) == 0)
        try await store.compact()
        let compacting = await pagesWrittenEarly(store)
        #expect(compacting > 0)
        try await store.append(large(), to: "a-1")
        #expect(await pagesWrittenEarly(store) == compacting)
        #expect(try await store.verify().isSound)
        await store.close()
    }

    @Test("that the disk has no room for leaves nothing behind in the write-ahead log, and the store goes on")
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.cacheBytes = 256 << 10
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        for _ in 0..<4 { try await store.append(large(), to: "a-1") }
        let before = disk.faults(.write)
        disk.breakCall(.write, of: "-wal", first: 10, count: nil, result: SQLITE_FULL)
        let error = await #expect(throws: ScavengeError.self) { try await store.compact() }
        #expect(disk.faults(.write) > before, "\(String(describing: error))")
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "-wal")
        #expect(attributes[.size] as? Int == 0)
        disk.repair()
        try await store.append(large(), to: "a-1")
        #expect(try await store.verify().isSound)
        await store.close()
    }
}
