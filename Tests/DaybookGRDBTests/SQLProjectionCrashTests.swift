import CFaultFileSystem
import Daybook
import DaybookCore
import DaybookGRDB
import DaybookSQLite
import DaybookTesting
import Foundation
import GRDB
import Synchronization
import Testing

@testable import FollowUntilKilled

// One after another: each of these tests keeps a core busy, and others wait for what happens in real time.
@Suite("An SQL projection counts each event once", .serialized)
struct SQLProjectionCrashTests {
    struct Crash: Error {}

    @Test("when statements fail at random", arguments: TestDatabase.all, TestSeeds.first(5))
    func failingStatements(_ kind: TestDatabase, seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let folder = try TemporaryFolder()
        let store = try await kind.makeStore()
        let database = try kind.makeDatabase(folder)
        try await store.fillLedger(60, using: &generator)
        var failures = 0
        while true {
            let statements = Countdown(Int.random(in: 1...60, using: &generator))
            let ledger = Ledger(beforeStatement: { _, _ in if !statements.take() { throw Crash() } })
            let size = Int.random(in: 1...30, using: &generator)
            let runner = try await SQLProjectionRunner(ledger, of: store, in: database, batchSize: size)
            do throws(ProjectionError) {
                try await runner.catchUp()
                break
            } catch {
                guard case .failed = error else { throw error }
                failures += 1
            }
            let stored = try await LedgerTable.stored(in: database)
            #expect(try await stored.table == LedgerTable.folded(store, through: stored.position), "seed \(seed)")
            // A statement that fails at once in every round would never get on.
            if failures % 5 == 0 { try await SQLProjectionRunner(Ledger(), of: store, in: database).catchUp() }
        }
        #expect(failures > 0, "seed \(seed)")
        #expect(try await LedgerTable.stored(in: database).table == LedgerTable.folded(store), "seed \(seed)")
    }

    @Test(
        "when its process is killed at any call that writes, syncs, truncates or deletes a file",
        arguments: ["pool", "queue"])
    func kills(_ database: String) async throws {
        let folder = try TemporaryFolder()
        let log = folder.path("log.daybook")
        let store = try await SQLiteEventStore.open(log)
        var generator = SplitMix64(seed: 3)
        try await store.fillLedger(25, using: &generator)
        await store.close()

        var kills = 0
        for call in ["write", "sync", "truncate", "delete"] {
            for number in 1... {
                let model = folder.path("\(call)-\(number).sqlite")
                let outcome = try await Self.follow(log, model, database, call, number)
                if outcome.reason == .exit {
                    #expect(outcome.status == 0, "\(call) \(number)")
                    break
                }
                #expect(outcome.status == SIGKILL, "\(call) \(number)")
                kills += 1
                // Opened by another process than the one that was killed, which finds what that left.
                let again = try await Self.follow(log, model, database, "write", 0)
                #expect(again.reason == .exit && again.status == 0, "\(call) \(number)")
            }
        }
        #expect(kills > 40)

        let reopened = try await SQLiteEventStore.open(log)
        let expected = try await LedgerTable.folded(reopened)
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        where file.hasSuffix(".sqlite") {
            let database = try FollowUntilKilled.open(folder.path(file), database)
            #expect(try await LedgerTable.stored(in: database).table == expected, "\(file)")
            try database.close()
        }
        await reopened.close()
    }

    @Test("when the power fails, also where the last transactions are lost", arguments: ["pool", "queue"])
    func powerCuts(_ database: String) async throws {
        let seed = TestSeeds.fromEnvironment ?? UInt64.random(in: 1...1_000_000)
        let outcome = try await Self.cutPower(database, cuts: 90, seed: seed)
        #expect(outcome.violations.isEmpty, "seed \(seed)")
        #expect(outcome.statesWithLostWrites > 15, "The cuts must cost something. Seed \(seed)")
        // A write-ahead log that is not synced on commit loses transactions; rows and checkpoint go together.
        if database == "pool" { #expect(outcome.statesBehind > 10, "seed \(seed)") }
    }

    @Test("unless the disk drops syncs: the test can see it", arguments: ["pool", "queue"])
    func powerCutCanary(_ database: String) async throws {
        let seed = TestSeeds.fromEnvironment ?? UInt64.random(in: 1...1_000_000)
        let outcome = try await Self.cutPower(database, cuts: 15, dropsSyncs: true, seed: seed)
        #expect(!outcome.violations.isEmpty, "seed \(seed)")
    }

    /// Runs the helper of this test as a process of its own.
    private static func follow(
        _ log: String, _ model: String, _ database: String, _ call: String, _ number: Int
    ) async throws -> (reason: Process.TerminationReason, status: Int32) {
        let process = Process()
        process.executableURL = try binary()
        process.arguments = [log, model, database, call, "\(number)"]
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return (process.terminationReason, process.terminationStatus)
    }

    private struct NotBuilt: Error {}

    /// The helper, which lies beside the test bundle.
    private static func binary() throws -> URL {
        var folder = Bundle.main.bundleURL
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("FollowUntilKilled")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        throw NotBuilt()
    }

    private struct Outcome {
        var statesWithLostWrites = 0
        /// The states in which the rows are behind what the runner had reached.
        var statesBehind = 0
        var violations: [String] = []
    }

    /// Cuts the power under a runner again and again, and looks at the states that the disk may be left in.
    private static func cutPower(
        _ kind: String, cuts: Int, dropsSyncs: Bool = false, seed: UInt64
    ) async throws -> Outcome {
        var generator = SplitMix64(seed: seed)
        let store = InMemoryEventStore()
        try await store.fillLedger(80, using: &generator)
        var outcome = Outcome()
        for cut in 1...cuts {
            let folder = try TemporaryFolder()
            let name = "power-\(EventID())"
            let disk = try #require(fault_fs_create(name))
            defer { _ = fault_fs_destroy(disk) }
            let call: FaultCall = dropsSyncs || generator.oneIn(2) ? .write : .sync
            let first = Int.random(in: 1...(call == .sync ? 30 : 200), using: &generator)
            let length = Int.random(in: 0...4096, using: &generator)
            add(call, .powerOff, first: first, count: 1, length: length, to: disk)
            if dropsSyncs { add(.sync, .dropped, first: 1, count: 0, length: 0, to: disk) }
            var reached = Position.start
            if let database = try? FollowUntilKilled.open("file:\(folder.path("model.sqlite"))?vfs=\(name)", kind) {
                #expect(fault_fs_open_files(disk) > 0)
                let runner = try? await SQLProjectionRunner(Ledger(), of: store, in: database, batchSize: 7)
                _ = try? await runner?.catchUp { position, _ in reached = position }
                fault_fs_power_off(disk)
                try? database.close()
            }
            fault_fs_power_off(disk)
            for survival: FaultSurvival in [.none, .all, .prefix, .random, .random] {
                let survivors = try TemporaryFolder()
                let lost = fault_fs_copy_surviving(disk, survivors.url.path, survival, generator.next())
                try #require(lost >= 0)
                if lost > 0 { outcome.statesWithLostWrites += 1 }
                let place = "cut \(cut) at \(call) \(first), survival \(survival)"
                do {
                    let database = try FollowUntilKilled.open(survivors.path("model.sqlite"), kind)
                    let check = try await database.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
                    let runner = try await SQLProjectionRunner(Ledger(), of: store, in: database)
                    let stored = try await LedgerTable.stored(in: database)
                    if check != "ok" { outcome.violations.append("\(place): \(check ?? "no answer")") }
                    if try await stored.table != LedgerTable.folded(store, through: stored.position) {
                        outcome.violations.append("\(place): rows and checkpoint \(stored.position) have come apart")
                    }
                    if stored.position < reached { outcome.statesBehind += 1 }
                    try await runner.catchUp()
                    if try await LedgerTable.stored(in: database).table != LedgerTable.folded(store) {
                        outcome.violations.append("\(place): the rows differ after going on")
                    }
                } catch {
                    outcome.violations.append("\(place): \(error)")
                }
            }
        }
        return outcome
    }

    static func add(
        _ call: FaultCall, _ effect: FaultEffect, first: Int, count: UInt64, length: Int, to disk: OpaquePointer
    ) {
        var rule = FaultRule(
            call: call, suffix: nil, first: UInt64(first), count: count, effect: effect, result: 0, length: length,
            offset: 0, bit: 0)
        precondition(fault_fs_add_rule(disk, &rule) >= 0, "A disk has room for 64 rules.")
    }
}

/// Counts down, from any thread.
private final class Countdown: Sendable {
    private let left: Mutex<Int>

    init(_ count: Int) { left = Mutex(count) }

    /// Whether the count has not run out yet; takes one of it.
    func take() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}
