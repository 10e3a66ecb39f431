import CFaultFileSystem
import CSQLite
import Foundation
import Testing

/// Extended codes are macros of C that Swift does not see.
enum SQLiteCode {
    static let readFailed = SQLITE_IOERR | 1 << 8
    static let writeFailed = SQLITE_IOERR | 3 << 8
    static let syncFailed = SQLITE_IOERR | 4 << 8
    static let truncateFailed = SQLITE_IOERR | 6 << 8
}

@Suite("The faulty disk, under SQLite alone")
struct FaultFileSystemTests {
    let directory: TemporaryDirectory
    let disk: FaultyDisk
    var path: String { directory.path("numbers.db") }

    init() throws {
        directory = try TemporaryDirectory()
        disk = try FaultyDisk()
    }

    private func open() throws -> RawDatabase { try RawDatabase(path, fileSystem: disk.name) }

    @Test("without a rule behaves as a disk does")
    func works() throws {
        var database = try open()
        try database.insert(1...100)
        database = try open()
        #expect(try database.highestOfAll() == 100)
        database.close()
        #expect(disk.calls(.write) > 0 && disk.calls(.sync) > 100 && disk.calls(.sharedMemoryMap) > 0)
        for call: FaultCall in [.open, .read, .write, .sync, .delete] { #expect(disk.faults(call) == 0) }
        #expect(disk.openFiles == 0)
    }

    struct Failure: CustomTestStringConvertible {
        let call: FaultCall
        let suffix: String
        var effect = FaultEffect.error
        var result: Int32 = 0
        let shows: Int32
        var testDescription: String { "call \(call.rawValue) of '\(suffix)', effect \(effect.rawValue) → \(shows)" }
    }

    @Test(
        "fails a call once, and the next one succeeds",
        arguments: [
            Failure(call: .write, suffix: "-wal", shows: SQLiteCode.writeFailed),
            Failure(call: .write, suffix: "-wal", result: SQLITE_FULL, shows: SQLITE_FULL),
            Failure(call: .write, suffix: "-wal", effect: .short, result: SQLITE_FULL, shows: SQLITE_FULL),
            Failure(call: .write, suffix: "-wal", effect: .short, shows: SQLiteCode.writeFailed),
            Failure(call: .sync, suffix: "-wal", shows: SQLiteCode.syncFailed),
            Failure(call: .sharedMemoryLock, suffix: ".db", shows: SQLITE_IOERR | 20 << 8),
        ])
    func failsOnce(_ failure: Failure) throws {
        let database = try open()
        try database.insert(1...3)
        let faultsBefore = disk.faults(failure.call)
        let rule = disk.breakCall(
            failure.call, of: failure.suffix, effect: failure.effect, result: failure.result, length: 100)
        #expect(throws: RawDatabaseError(code: failure.shows)) { try database.insert(4) }
        #expect(disk.timesMet(rule) == 1)
        #expect(disk.faults(failure.call) == faultsBefore + 1)
        try database.insert(4)
        #expect(try database.highestOfAll() == 4)
    }

    @Test("fails reads, cuts them short, and flips a bit in them")
    func reads() throws {
        try open().insert(1...50)
        let database = try open()
        let rule = disk.breakCall(.read, of: ".db", count: nil)
        #expect(throws: RawDatabaseError(code: SQLiteCode.readFailed)) { try database.numbers() }
        #expect(disk.timesMet(rule) > 0)
        disk.repair()
        #expect(try database.highestOfAll() == 50)
        let header = Int64(100 + 3)  // In the first page's number of cells.
        for effect: FaultEffect in [.flippedBit, .short] {
            let other = try RawDatabase(path, fileSystem: disk.name)
            try other.execute("PRAGMA cache_size = 0")
            disk.breakCall(.read, of: ".db", count: nil, effect: effect, length: 110, offset: header, bit: 3)
            #expect(throws: (any Error).self) {
                let fresh = try RawDatabase(path, fileSystem: disk.name)
                _ = try fresh.highestOfAll()
            }
            disk.repair()
            #expect(try other.highestOfAll() == 50)
        }
    }

    @Test("flips a bit at rest, and flips it back")
    func flipsAtRest() throws {
        try open().insert(1...50)
        let header = Int64(4096)  // The type of the second page.
        #expect(disk.flipBit(4, at: header, of: path))
        #expect(throws: (any Error).self) { try open().highestOfAll() }
        let database = try open()
        #expect(disk.flipBit(4, at: header, of: path), "An open file too.")
        #expect(try database.highestOfAll() == 50)
        #expect(!disk.flipBit(at: 1 << 40, of: path))
        #expect(!disk.flipBit(at: 0, of: path + "x"))
    }

    @Test("is full at its capacity, and takes writes again when it has room")
    func full() throws {
        let database = try open()
        try database.insert(1...20)
        disk.limitCapacity(to: disk.usedBytes + 10_000)
        var last = 20
        let error = #expect(throws: RawDatabaseError.self) {
            while last < 1000 {
                try database.insert(last + 1)
                last += 1
            }
        }
        #expect(error?.code == SQLITE_FULL)
        #expect(disk.faults(.write) > 0)
        #expect(try database.highestOfAll() == last)
        disk.limitCapacity(to: nil)
        try database.insert(last + 1)
        #expect(try database.highestOfAll() == last + 1)
    }

    @Test("fails the opening, locking, truncating and deleting of a file")
    func others() throws {
        try open().insert(1...3)
        disk.breakCall(.open, of: ".db", result: SQLITE_CANTOPEN)
        #expect(throws: RawDatabaseError(code: SQLITE_CANTOPEN)) { try open() }
        disk.repair()
        disk.breakCall(.lock, of: ".db", count: nil)
        #expect(throws: RawDatabaseError.self) { try open().numbers() }
        disk.repair()
        let database = try open()
        try database.insert(4)
        let truncation = disk.breakCall(.truncate, of: "-wal", count: nil)
        try? database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        #expect(disk.timesMet(truncation) > 0)
        disk.repair()
        let deletion = disk.breakCall(.delete, of: "-wal", count: nil)
        database.close()
        #expect(disk.timesMet(deletion) > 0)
        disk.repair()
        #expect(try open().highestOfAll() == 4)
    }

    @Test("stays off after a torn write, and what it tore is not taken for a commit")
    func tornWrite() throws {
        let database = try open()
        try database.insert(1...10)
        disk.breakCall(.write, of: "-wal", first: 2, effect: .powerOff, length: 700)
        #expect(throws: RawDatabaseError(code: SQLiteCode.writeFailed)) { try database.insert(11) }
        #expect(disk.isOff)
        #expect(throws: RawDatabaseError.self) { try database.insert(12) }
        let survivors = try TemporaryDirectory()
        for seed: UInt64 in 0..<20 {
            try disk.copySurviving(to: survivors.url, .random, seed: seed)
            #expect(try RawDatabase(survivors.path("numbers.db")).highestOfAll() == 10)
            try survivors.removeContents()
        }
    }

    @Test("loses for good what a failed sync was to make durable, although reads return it")
    func failedSync() throws {
        let database = try open()
        try database.insert(1...5)
        disk.breakCall(.sync, of: "-wal")
        #expect(throws: RawDatabaseError(code: SQLiteCode.syncFailed)) { try database.insert(6) }
        #expect(disk.faults(.sync) == 1)
        func size(_ path: String) throws -> Int {
            try #require(FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
        }
        let survivors = try TemporaryDirectory()
        try disk.copySurviving(to: survivors.url, .all, seed: 0)
        #expect(try size(survivors.path("numbers.db-wal")) < size(path + "-wal"))
        #expect(try RawDatabase(survivors.path("numbers.db")).highestOfAll() == 5)
    }

    @Test("leaves the same state for the same seed")
    func repeatable() throws {
        let database = try open()
        disk.dropSyncs()
        try database.insert(1...20)
        func state(_ seed: UInt64) throws -> [Data] {
            let survivors = try TemporaryDirectory()
            try disk.copySurviving(to: survivors.url, .random, seed: seed)
            return ["numbers.db", "numbers.db-wal"].map {
                (try? Data(contentsOf: survivors.url.appendingPathComponent($0))) ?? Data()
            }
        }
        #expect(try state(7) == state(7))
        #expect(try Set((0..<10).map { try state($0) }).count > 5)
    }
}
