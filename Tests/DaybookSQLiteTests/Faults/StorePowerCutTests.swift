import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

extension SQLiteEventStore.Configuration {
    /// A store on a faulty disk, with an index that is written every few appends.
    static func faulty(_ disk: FaultyDisk?, indexEntriesInMemory: Int = 150) -> Self {
        var configuration = Self()
        configuration.fileSystem = disk?.name
        configuration.indexEntriesInMemory = indexEntriesInMemory
        configuration.cacheBytes = 1 << 20
        configuration.freeSpaceReserve = 0
        return configuration
    }
}

@Suite("After a power cut the store")
struct StorePowerCutTests {
    private static let writers = 4
    private static let requestsPerWriter = 12
    /// Calls after which the power goes off at the latest: some come when the store is being closed.
    private static let callsBeforeCut = 220

    private struct Outcome {
        var states = 0
        var withLostWrites = 0
        var withLostAppends = 0
        var violations: [String] = []
    }

    /// Cuts the power under concurrent writers, again and again, and looks at the states that the disk may be left in.
    private func cutPower(
        states: Int, seed: UInt64, dropsSyncs: Bool = false, durability: Durability = .everyCommit
    ) async throws -> Outcome {
        var configuration = SQLiteEventStore.Configuration.faulty(nil)
        configuration.durability = durability
        let mayLoseLatest = durability == .mayLoseLatestOnPowerLoss
        var generator = SeededGenerator(seed: seed)
        var outcome = Outcome()
        var directory = try TemporaryDirectory()
        var history = AppendHistory()
        while outcome.states < states {
            let path = directory.path("log.daybook")
            let disk = try FaultyDisk(
                deviceCharacteristics: Bool.random(using: &generator) ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0)
            let call: FaultCall = dropsSyncs || Bool.random(using: &generator) ? .write : .sync
            let first = Int.random(
                in: 1...(call == .sync ? Self.callsBeforeCut / 4 : Self.callsBeforeCut), using: &generator)
            if dropsSyncs { disk.dropSyncs() }
            disk.breakCall(call, first: first, effect: .powerOff, length: Int.random(in: 0...4096, using: &generator))
            configuration.fileSystem = disk.name
            if let store = try? await SQLiteEventStore.open(path, configuration: configuration) {
                let seeds = (0..<Self.writers).map { _ in generator.next() }
                await withTaskGroup { [history] group in
                    for writer in 0..<Self.writers {
                        group.addTask {
                            var generator = SeededGenerator(seed: seeds[writer])
                            for number in 0..<Self.requestsPerWriter {
                                let request = AppendRequest.random(writer: writer, number: number, using: &generator)
                                do {
                                    let result = try await history.append(request, to: store)
                                    try await store.save(Checkpoint(after: result.position), for: "reader")
                                } catch {
                                    return
                                }
                            }
                        }
                    }
                }
                await store.close()
            }
            disk.cutPower()
            var next: TemporaryDirectory?
            for (index, survival) in FaultSurvival.mixed.enumerated() {
                let survivors = try TemporaryDirectory()
                let lost = try disk.copySurviving(to: survivors.url, survival, seed: generator.next())
                outcome.states += 1
                if lost > 0 { outcome.withLostWrites += 1 }
                let state = "state \(outcome.states), \(survival), cut at \(call) \(first)"
                do {
                    var again = SQLiteEventStore.Configuration.faulty(nil)
                    again.durability = durability
                    let store = try await SQLiteEventStore.open(
                        survivors.path("log.daybook"), configuration: again)
                    outcome.violations += try await history.violations(in: store, mayLoseLatest: mayLoseLatest)
                        .map { "\(state): \($0)" }.prefix(1)
                    if try await history.lostCount(in: store) > 0 { outcome.withLostAppends += 1 }
                    if let known = try await store.checkpoint(for: "reader")?.position, try await known > store.head() {
                        outcome.violations.append("\(state): a checkpoint at \(known) is beyond the log")
                    }
                    // The last state is the beginning of the next round, every other time.
                    if index == FaultSurvival.mixed.count - 1, outcome.states % 4 != 0, !dropsSyncs, !mayLoseLatest {
                        try await history.settle(on: store)
                        next = survivors
                    }
                    await store.close()
                } catch {
                    outcome.violations.append("\(state): \(error)")
                }
            }
            if next == nil { history = AppendHistory() }
            directory = try next ?? TemporaryDirectory()
        }
        return outcome
    }

    @Test("has all that was acknowledged, nothing by half, and every position as it was")
    func keepsAll() async throws {
        let outcome = try await cutPower(states: FaultSeed.states, seed: FaultSeed.value)
        #expect(outcome.violations.isEmpty, "seed \(FaultSeed.value)")
        #expect(outcome.withLostWrites > outcome.states / 4, "The cuts must cost something. Seed \(FaultSeed.value)")
        #expect(outcome.withLostAppends == 0, "seed \(FaultSeed.value)")
    }

    @Test("with the weaker durability has lost the latest appends at most, none in between, none by half, and opens")
    func losesLatest() async throws {
        let outcome = try await cutPower(
            states: FaultSeed.states / 2, seed: FaultSeed.value, durability: .mayLoseLatestOnPowerLoss)
        #expect(outcome.violations.isEmpty, "seed \(FaultSeed.value)")
        #expect(outcome.withLostAppends > outcome.states / 8, "It must cost something. Seed \(FaultSeed.value)")
    }

    @Test("that was none, but a killed process, has everything with the weaker durability too")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.durability = .mayLoseLatestOnPowerLoss
        let history = AppendHistory()
        var store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: configuration)
        var generator = SeededGenerator(seed: FaultSeed.value)
        for number in 0..<30 {
            try await history.append(.random(writer: 1, number: number, using: &generator), to: store)
        }
        let survivors = try TemporaryDirectory()
        try disk.copySurviving(to: survivors.url, .all, seed: 1)
        await store.close()
        store = try await SQLiteEventStore.open(survivors.path("log.daybook"), configuration: .faulty(nil))
        #expect(try await history.violations(in: store) == [])
        await store.close()
    }

    @Test("on a disk that drops syncs has lost what was acknowledged: the test can see it")
    func canary() async throws {
        let outcome = try await cutPower(states: 60, seed: FaultSeed.value, dropsSyncs: true)
        #expect(outcome.violations.count > outcome.states / 5, "seed \(FaultSeed.value)")
    }
}
