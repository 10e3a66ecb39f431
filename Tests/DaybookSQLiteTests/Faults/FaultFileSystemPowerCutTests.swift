import CFaultFileSystem
import CSQLite
import Foundation
import Testing

@Suite("A power cut on the faulty disk, under SQLite alone")
struct FaultFileSystemPowerCutTests {
    private static let callsBeforeCut = 150

    /// What the states after power cuts had in common.
    struct Outcome {
        var states = 0
        /// States in which a row was missing whose commit had returned.
        var withLoss = 0
        /// States that SQLite found damaged, or that had a hole.
        var damaged = 0
        /// States in which some write did not survive whole.
        var withLostWrites = 0
    }

    /// Inserts rows, and looks after each at one state that a power cut would leave then or in the next commit.
    private func cutPower(
        states: Int, synchronous: String = "FULL", characteristics: Int32 = 0, seed: UInt64, dropsSyncs: Bool = false
    ) throws -> Outcome {
        let directory = try TemporaryDirectory()
        let survivors = try TemporaryDirectory()
        var generator = SeededGenerator(seed: seed)
        var outcome = Outcome()
        while outcome.states < states {
            // A new file now and then, so that states of its creation are among them.
            try directory.removeContents()
            let path = directory.path("numbers.db")
            let survivingPath = survivors.path("numbers.db")
            let disk = try FaultyDisk(deviceCharacteristics: characteristics)
            let database = try RawDatabase(path, fileSystem: disk.name, synchronous: synchronous)
            if dropsSyncs { disk.dropSyncs() }
            var acknowledged = 0
            // Off in the middle of a call: of a commit, or of a checkpoint.
            let call: FaultCall = dropsSyncs || Bool.random(using: &generator) ? .write : .sync
            let length = Int.random(in: 0...4096, using: &generator)
            disk.breakCall(
                call, first: Int.random(in: 1...Self.callsBeforeCut, using: &generator), effect: .powerOff,
                length: length)
            while (try? database.insert(acknowledged + 1)) != nil {
                acknowledged += 1
                // With synchronous=NORMAL a sync comes with a checkpoint only.
                if acknowledged == Self.callsBeforeCut { disk.cutPower() }
            }
            for survival in FaultSurvival.mixed {
                try survivors.removeContents()
                let lost = try disk.copySurviving(to: survivors.url, survival, seed: generator.next())
                outcome.states += 1
                if lost > 0 { outcome.withLostWrites += 1 }
                do {
                    if try RawDatabase(survivingPath).highestOfAll() < acknowledged { outcome.withLoss += 1 }
                } catch {
                    outcome.damaged += 1
                }
            }
            database.close()
        }
        return outcome
    }

    @Test(
        "with synchronous=FULL takes nothing that was acknowledged",
        arguments: [0, SQLITE_IOCAP_POWERSAFE_OVERWRITE])
    func full(characteristics: Int32) throws {
        let outcome = try cutPower(
            states: FaultSeed.states, characteristics: characteristics, seed: FaultSeed.value)
        #expect(outcome.withLoss == 0, "seed \(FaultSeed.value)")
        #expect(outcome.damaged == 0, "seed \(FaultSeed.value)")
        #expect(outcome.withLostWrites > outcome.states / 4, "The cuts must cost something. Seed \(FaultSeed.value)")
    }

    @Test("with syncs that the disk drops, or with synchronous=NORMAL, takes acknowledged rows: the test can see it")
    func canary() throws {
        let dropped = try cutPower(states: FaultSeed.states / 3, seed: FaultSeed.value, dropsSyncs: true)
        #expect(dropped.withLoss + dropped.damaged > dropped.states / 10, "seed \(FaultSeed.value)")
        let normal = try cutPower(states: FaultSeed.states / 3, synchronous: "NORMAL", seed: FaultSeed.value)
        #expect(normal.withLoss > normal.states / 10, "seed \(FaultSeed.value)")
        #expect(normal.damaged == 0, "seed \(FaultSeed.value)")
    }

    @Test("may take a file that was created and not synced, and may bring back one that was deleted")
    func directoryEntries() throws {
        let directory = try TemporaryDirectory()
        let survivors = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let database = try RawDatabase(directory.path("numbers.db"), fileSystem: disk.name)
        try database.insert(1...3)
        database.close()  // Deletes the write-ahead log without a sync of the directory.
        func survives(_ survival: FaultSurvival) throws -> Bool {
            try disk.copySurviving(to: survivors.url, survival, seed: 1)
            return FileManager.default.fileExists(atPath: survivors.path("numbers.db-wal"))
        }
        #expect(try survives(.none))
        #expect(try RawDatabase(survivors.path("numbers.db")).highestOfAll() == 3)
        #expect(try !survives(.all))
    }
}
