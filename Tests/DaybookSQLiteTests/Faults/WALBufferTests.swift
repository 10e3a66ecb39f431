import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Testing

@Suite("What is gathered for the write-ahead log")
struct WALBufferTests {
    private func request(_ number: Int, events: Int = 1, bytes: Int = 1_000) -> AppendRequest {
        AppendRequest(writes: [
            StreamWrite(
                stream: "gathered-1",
                action: .append(
                    (0..<events).map { _ in
                        NewEvent(type: "Counted", data: Array(repeating: UInt8(number % 250), count: bytes))
                    }))
        ])
    }

    @Test(
        "is written at once with each commit, where a write damages nothing beside it",
        arguments: [SQLITE_IOCAP_POWERSAFE_OVERWRITE, 0])
    func pieces(characteristics: Int32) async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk(deviceCharacteristics: characteristics)
        let store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: .faulty(disk))
        // The first makes the log grow, behind its answer; the second comes when that is done.
        for number in 0..<2 { try await store.append(request(number)) }
        let before = disk.calls(.write)
        try await store.append(request(2, events: 60))
        let writes = disk.calls(.write) - before
        if characteristics == 0 { #expect(writes > 30) } else { #expect(writes <= 3) }
        await store.close()
    }

    @Test("is not there when it could not be written, and what comes next is", arguments: [SQLITE_FULL, SQLITE_OK])
    func failedWrite(result: Int32) async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk(deviceCharacteristics: SQLITE_IOCAP_POWERSAFE_OVERWRITE)
        let path = directory.path("log.daybook")
        let history = AppendHistory()
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(disk))
        for number in 0..<5 { try await history.append(request(number), to: store) }
        let rule = disk.breakCall(.write, of: "-wal", effect: .short, result: result, length: 700)
        await #expect(throws: AppendError.self) { try await history.append(request(6, events: 20), to: store) }
        #expect(disk.timesMet(rule) == 1)
        if result == SQLITE_FULL {
            for number in 7..<10 { try await history.append(request(number), to: store) }
        } else {
            await #expect(throws: AppendError.self, "After an I/O error nothing is written.") {
                try await history.append(request(7), to: store)
            }
        }
        #expect(try await history.violations(in: store) == [])
        disk.cutPower()
        await store.close()
        let survivors = try TemporaryDirectory()
        try disk.copySurviving(to: survivors.url, .none, seed: 1)
        let again = try await SQLiteEventStore.open(survivors.path("log.daybook"), configuration: .faulty(nil))
        #expect(try await history.violations(in: again) == [])
        await again.close()
    }

    /// A transaction larger than the page cache goes to the log before its commit, and is read back from there.
    @Test("may be a transaction larger than the page cache, of which any write fails", arguments: [false, true])
    func spilled(stays: Bool) async throws {
        for first in 1...12 {
            let directory = try TemporaryDirectory()
            let disk = try FaultyDisk(deviceCharacteristics: SQLITE_IOCAP_POWERSAFE_OVERWRITE)
            var configuration = SQLiteEventStore.Configuration.faulty(disk)
            configuration.cacheBytes = 1 << 14
            let path = directory.path("log.daybook")
            let history = AppendHistory()
            let store = try await SQLiteEventStore.open(path, configuration: configuration)
            for number in 0..<3 { try await history.append(request(number), to: store) }
            disk.breakCall(.write, of: "-wal", first: first, count: stays ? nil : 1, result: SQLITE_FULL)
            _ = try? await history.append(request(4, events: 1_000), to: store)
            disk.repair()
            for number in 5..<8 { try await history.append(request(number, events: 3), to: store) }
            #expect(try await history.violations(in: store) == [], "Write \(first) failed.")
            #expect(try await store.verify().isSound, "Write \(first) failed.")
            await store.close()
            let again = try await SQLiteEventStore.open(path, configuration: configuration)
            #expect(try await history.violations(in: again) == [], "Write \(first) failed.")
            await again.close()
        }
    }

    @Test("is nobody's when it could not be written: another process may commit in its place, and the store goes on")
    func rolledBack() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk(deviceCharacteristics: SQLITE_IOCAP_POWERSAFE_OVERWRITE)
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.walCheckpoints = .byAnotherProcess
        configuration.acceptsWALResetBug = true
        let path = directory.path("log.daybook")
        let history = AppendHistory()
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        let other = try RawDatabase(path, fileSystem: disk.name)
        for number in 0..<3 { try await history.append(request(number), to: store) }
        disk.breakCall(.write, of: "-wal", result: SQLITE_FULL)
        await #expect(throws: AppendError.self) { try await history.append(request(4), to: store) }
        for number in 1...9 {
            try other.insert(number)
            try await history.append(request(4 + number), to: store)
        }
        #expect(try await history.violations(in: store) == [])
        #expect(try await store.verify().isSound)
        #expect(try other.highestOfAll() == 9)
        await store.close()
        other.close()
        let again = try await SQLiteEventStore.open(path, configuration: configuration)
        #expect(try await history.violations(in: again) == [])
        await again.close()
    }
}
