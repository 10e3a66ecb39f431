import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("On a full disk the store")
struct StoreDiskFullTests {
    private func request(_ number: Int, bytes: Int = 3000) -> AppendRequest {
        AppendRequest(writes: [
            StreamWrite(
                stream: "full-1",
                action: .append([NewEvent(type: "Counted", data: Array(repeating: UInt8(number % 250), count: bytes))]))
        ])
    }

    /// Appends until the disk refuses.
    private func fill(_ store: SQLiteEventStore, _ history: AppendHistory) async throws -> String {
        for number in 0..<2000 {
            do {
                try await history.append(request(number), to: store)
            } catch {
                guard case .storageFailed(let reason, _) = error else { throw error }
                return reason
            }
        }
        throw TestFailure("The disk never was full.")
    }

    private func check(path: String, fileSystem: FaultyDisk?, makeRoom: () throws -> Void) async throws {
        let history = AppendHistory()
        var store = try await SQLiteEventStore.open(path, configuration: .faulty(fileSystem))
        let reason = try await fill(store, history)
        #expect(reason.contains(path))
        #expect(try await history.violations(in: store) == [], "Readers go on.")
        await store.close()
        store = try await SQLiteEventStore.open(path, configuration: .faulty(fileSystem))
        #expect(try await history.violations(in: store) == [], "It opens without room.")
        _ = try await fill(store, history)
        try makeRoom()
        for number in 0..<5 { try await history.append(request(number), to: store) }
        #expect(try await history.violations(in: store) == [], "Writes go on without opening it again.")
        await store.close()
    }

    @Test("refuses, is read, opens, and writes again when there is room")
    func simulated() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        disk.limitCapacity(to: 400_000)
        try await check(path: directory.path("log.daybook"), fileSystem: disk) { disk.limitCapacity(to: nil) }
    }

    @Test("does the same on a file system that the kernel says is full")
    func real() async throws {
        let directory = try TemporaryDirectory()
        guard mount(directory, megabytes: 2) else {
            print("Skipped: this process may not mount a file system of 2 MiB.")
            return
        }
        defer { run("umount", directory.url.path) }
        let ballast = directory.path("ballast")
        try Data(count: 600_000).write(to: URL(fileURLWithPath: ballast))
        try await check(path: directory.path("log.daybook"), fileSystem: nil) {
            try FileManager.default.removeItem(atPath: ballast)
        }
    }

    @Test("refuses before the disk is full, by the reserve, and says how much is free")
    func reserve() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        var store = try await SQLiteEventStore.open(path)
        let history = AppendHistory()
        try await history.append(request(1), to: store)
        await store.close()
        var configuration = SQLiteEventStore.Configuration()
        configuration.freeSpaceReserve = .max
        store = try await SQLiteEventStore.open(path, configuration: configuration)
        let error = await #expect(throws: AppendError.self) { try await store.append(request(2)) }
        guard case .storageFailed(let reason, false) = error else {
            Issue.record("\(String(describing: error)) does not say that nothing was written")
            return
        }
        #expect(reason.contains(path) && reason.contains("reserve"))
        #expect(try await history.violations(in: store) == [])
        await #expect(throws: BackupError.self) { try await store.backup(to: directory.path("copy.daybook")) }
        await #expect(throws: ScavengeError.self) { try await store.compact() }
        await store.close()
    }

    @Test("that cannot put another index in the place of its own goes on with that when there is room")
    func reindexing() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        let history = AppendHistory()
        let first = try await SQLiteEventStore.open(path, configuration: .faulty(disk, indexEntriesInMemory: 20))
        for number in 0..<40 { try await history.append(request(number, bytes: 10), to: first) }
        #expect(try await first.statistics().indexSegments > 0)
        await first.close()
        // All that the other index leads to stays in memory, so that its only transaction is the one of the change.
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(disk, indexEntriesInMemory: 100_000))
        let before = disk.faults(.write)
        let error = await #expect(throws: ReadError.self) {
            try await store.reindex { _, _ in disk.breakCall(.write, of: "-wal", count: nil, result: SQLITE_FULL) }
        }
        #expect(disk.faults(.write) > before, "\(String(describing: error))")
        disk.repair()
        for number in 0..<5 { try await history.append(request(number, bytes: 10), to: store) }
        let event = NewEvent(type: "Counted", data: [1])
        try await history.append(
            AppendRequest(writes: [StreamWrite(stream: "new-1", expected: .noStream, action: .append([event]))]),
            to: store)
        #expect(try await history.violations(in: store) == [])
        #expect(try await store.verify().isSound)
        await store.close()
    }

    private func mount(_ directory: TemporaryDirectory, megabytes: Int) -> Bool {
        #if os(Linux)
        return run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", directory.url.path)
        #else
        return false
        #endif
    }

    @discardableResult
    private func run(_ command: String...) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
