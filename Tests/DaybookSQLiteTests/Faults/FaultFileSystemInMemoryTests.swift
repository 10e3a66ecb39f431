import CFaultFileSystem
import CSQLite
import Foundation
import Testing

@Suite("The faulty disk, in memory and under SQLite alone")
struct FaultFileSystemInMemoryTests {
    private let disk: FaultyDisk
    private let path = "/numbers.db"

    init() throws { disk = try FaultyDisk(isInMemory: true) }

    private func open(synchronous: String = "FULL") throws -> RawDatabase {
        try RawDatabase(path, fileSystem: disk.name, synchronous: synchronous)
    }

    @Test("behaves as a disk does, leaves no real file, and shares memory between connections")
    func works() throws {
        let database = try open()
        try database.insert(1...100)
        let second = try open()
        #expect(try second.highestOfAll() == 100)
        try second.execute("BEGIN; SELECT count(*) FROM numbers")
        try database.insert(101...300)
        #expect(try second.numbers().count == 100, "A reader stays with what it saw first.")
        try second.execute("COMMIT")
        #expect(try second.highestOfAll() == 300)
        #expect(throws: RawDatabaseError(code: SQLITE_BUSY)) {
            try database.execute("BEGIN IMMEDIATE")
            try second.execute("BEGIN IMMEDIATE")
        }
        try database.execute("ROLLBACK")
        #expect(try database.text("PRAGMA journal_mode") == "wal")
        #expect(!FileManager.default.fileExists(atPath: path))
        second.close()
        database.close()
        #expect(disk.openFiles == 0)
        #expect(try open().highestOfAll() == 300)
    }

    @Test("keeps every synced commit over a restart, whatever survives of the rest, and loses unsynced ones")
    func restarts() throws {
        var lost = 0
        var torn: Int64 = 0
        for seed in UInt64(1)...60 {
            let synchronous = seed % 2 == 0 ? "FULL" : "OFF"
            var database = try open(synchronous: synchronous)
            try database.execute("DELETE FROM numbers")
            try database.insert(1...Int(seed))
            disk.cutPower()
            database.close()
            let loss = try disk.restart(FaultSurvival.mixed[Int(seed) % FaultSurvival.mixed.count], seed: seed)
            torn += loss.torn_writes
            do {
                database = try open()
                let numbers = try database.numbers().count
                if synchronous == "FULL" { #expect(numbers == Int(seed)) } else if numbers < Int(seed) { lost += 1 }
            } catch {
                if synchronous == "FULL" { throw error }
                lost += 1
            }
            database.close()
            // What has been torn apart without a sync may be beyond repair.
            _ = try disk.restart(.all, seed: 1)
            if synchronous == "OFF" { try RawDatabase.delete(path, on: disk) }
        }
        #expect(lost > 0 && torn > 0)
    }

    @Test("cannot be restarted while a file is open")
    func openFile() throws {
        let database = try open()
        #expect(throws: TestFailure.self) { try disk.restart(.all, seed: 1) }
        database.close()
        _ = try disk.restart(.all, seed: 1)
    }

    @Test("cannot read a sector that was lost until it is written again")
    func lostSector() throws {
        var database = try open()
        try database.insert(1...50)
        database.close()
        #expect(disk.loseSector(at: 4096 * 4 + 700, of: path))
        #expect(!disk.loseSector(at: 1 << 40, of: path))
        database = try open()
        #expect(throws: RawDatabaseError(code: SQLiteCode.readFailed)) { try database.numbers() }
        #expect(disk.lostSectorReads > 0)
        database.close()
    }

    @Test("reads a sector that was lost and written again")
    func lostSectorRewritten() throws {
        let database = try open()
        try database.insert(1...5)
        try database.execute("PRAGMA wal_checkpoint(FULL)")
        #expect(disk.loseSector(at: 5000, of: path + "-wal"))
        try database.insert(6...9)  // The write-ahead log begins anew.
        #expect(try open().highestOfAll() == 9)
        #expect(disk.lostSectorReads == 0)
    }

    @Test("lets a write land elsewhere, and a read see elsewhere, without telling")
    func misdirected() throws {
        var database = try open()
        try database.insert(1...50)
        database.close()
        database = try open()
        let read = disk.breakCall(.read, of: ".db", first: 4, effect: .misdirected, offset: 4096)
        #expect(throws: (any Error).self) { _ = try database.highestOfAll() }
        #expect(disk.timesMet(read) == 1)
        database.close()
        disk.repair()
        #expect(try open().highestOfAll() == 50, "A read changes nothing.")

        database = try open()
        let write = disk.breakCall(.write, of: ".db", first: 2, effect: .misdirected, offset: 4096 * 2)
        try database.insert(51...100)
        database.close()
        #expect(disk.timesMet(write) == 1)
        disk.repair()
        #expect(throws: (any Error).self) { _ = try open().highestOfAll() }
    }

    @Test("is changed by a flipped bit, whether a file is open or not")
    func flippedBit() throws {
        var database = try open()
        try database.insert(1...50)
        database.close()
        let size = disk.size(of: path)
        #expect(size > 4096 * 20)
        #expect(disk.flipBit(at: 3, of: path))
        #expect(throws: RawDatabaseError.self) { try open() }  // It is no database any more.
        #expect(disk.flipBit(at: 3, of: path))
        database = try open()
        #expect(try database.highestOfAll() == 50)
        #expect(disk.flipBit(at: 3, of: path))
    }
}

extension RawDatabase {
    /// Empties a file and its companions, so that the next one begins anew.
    fileprivate static func delete(_ path: String, on disk: FaultyDisk) throws {
        let system = sqlite3_vfs_find(disk.name)
        for suffix in ["", "-wal", "-journal"] { _ = system?.pointee.xDelete?(system, path + suffix, 1) }
    }
}
