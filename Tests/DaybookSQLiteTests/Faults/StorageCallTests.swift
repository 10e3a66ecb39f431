import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

extension FaultCall {
    fileprivate static let names: [(FaultCall, String)] = [
        (.open, "open"), (.read, "read"), (.write, "write"), (.truncate, "truncate"), (.sync, "sync"),
        (.delete, "delete"), (.access, "access"), (.fileSize, "fileSize"), (.lock, "lock"),
        (.sharedMemoryMap, "sharedMemoryMap"), (.sharedMemoryLock, "sharedMemoryLock"),
    ]
    fileprivate static var all: [FaultCall] { names.map(\.0) }
    fileprivate var name: String { Self.names.first { $0.0 == self }?.1 ?? "\(rawValue)" }
}

/// Every call of the storage fails: once, and from then on.
@Suite("When any call of the storage fails the store")
struct StorageCallTests {
    private struct Fault: Sendable, CustomStringConvertible {
        let call: FaultCall
        var effect = FaultEffect.error
        var result: Int32 = 0
        /// Nil from then on.
        var count: Int?
        var description: String {
            "\(call.name) \(effect == .short ? "short" : "error") \(result) \(count == nil ? "from then on" : "once")"
        }
    }

    private static let faults: [Fault] = FaultCall.all.flatMap { call in
        let kinds: [Fault] =
            switch call {
            case .read: [Fault(call: call), Fault(call: call, effect: .short)]
            case .write:
                [
                    Fault(call: call), Fault(call: call, result: SQLITE_FULL), Fault(call: call, effect: .short),
                    Fault(call: call, effect: .short, result: SQLITE_FULL),
                ]
            default: [Fault(call: call)]
            }
        return kinds.flatMap { fault in
            [1, nil].map { count in
                var fault = fault
                fault.count = count
                return fault
            }
        }
    }

    private struct Outcome {
        var wasMet = false
        var violations: [String] = []
    }

    /// A short life of a store: opened, written, read, closed. What fails must say so; what succeeds must be right.
    private func live(
        _ path: String, on disk: FaultyDisk, _ history: AppendHistory, seed: UInt64
    ) async throws -> [String] {
        var violations: [String] = []
        var configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 20)
        configuration.readerCount = 1
        let store: SQLiteEventStore
        do { store = try await SQLiteEventStore.open(path, configuration: configuration) } catch {
            return "\(error)".contains(path) ? [] : ["the error does not name the file: \(error)"]
        }
        var generator = SeededGenerator(seed: seed)
        // One that fails while a new file is made may pass: nothing has been acknowledged, and what it was for is written again.
        let failedSyncs = disk.faults(.sync)
        for number in 0..<4 {
            let syncHadFailed = disk.faults(.sync) > failedSyncs
            do {
                try await history.append(.random(writer: 0, number: number, using: &generator), to: store)
                if syncHadFailed { violations.append("append \(number) was acknowledged after a sync had failed") }
            } catch {
                guard case .storageFailed(let reason, _) = error, reason.contains(path) else {
                    violations.append("append \(number): \(error)")
                    continue
                }
            }
            if number == 1 { try? await store.save(Checkpoint(after: 1), for: "reader") }
        }
        do {
            violations += try await history.missing(in: store)
        } catch let error as ReadError {
            switch error {
            case .storageFailed(let reason) where reason.contains(path): break
            case .corrupted(_, _, path, _): break  // A read that came back short looks like a file that is cut off.
            default: violations.append("reading: \(error)")
            }
        }
        await store.close()
        return violations
    }

    private func run(_ fault: Fault, at number: Int, seed: UInt64) async throws -> Outcome {
        var outcome = Outcome()
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        let history = AppendHistory()
        let rule = disk.breakCall(
            fault.call, first: number, count: fault.count, effect: fault.effect, result: fault.result, length: 600)
        outcome.violations = try await live(path, on: disk, history, seed: seed)
        outcome.wasMet = disk.timesMet(rule) > 0
        if disk.openFiles > 0 { outcome.violations.append("\(disk.openFiles) files are still open in SQLite") }
        let leaked = Self.descriptors(below: directory.url.path)
        if !leaked.isEmpty { outcome.violations.append("descriptors are left open: \(leaked)") }
        if fault.call == .sync {
            let survivors = try TemporaryDirectory()
            try disk.copySurviving(to: survivors.url, .none, seed: seed)
            let later = try await SQLiteEventStore.open(survivors.path("log.daybook"), configuration: .faulty(nil))
            outcome.violations += try await history.violations(in: later).map { "after a power cut, \($0)" }
            await later.close()
        }
        disk.repair()
        let store = try await SQLiteEventStore.open(path, configuration: .faulty(disk))
        outcome.violations += try await history.violations(in: store)
        try await history.append(
            AppendRequest(writes: [
                StreamWrite(stream: "after", action: .append([NewEvent(type: "Counted", data: [1])]))
            ]), to: store)
        await store.close()
        return outcome
    }

    /// What this process has open in a folder.
    private static func descriptors(below folder: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return names.compactMap { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
            .filter { $0.hasPrefix(folder) }
    }

    @Test(
        "traps nowhere, reads nothing wrong, leaks no file, and loses nothing that it acknowledged",
        .timeLimit(.minutes(30)))
    func everyCall() async throws {
        let seed = FaultSeed.value
        var generator = SeededGenerator(seed: seed)
        // How many calls of each kind there are to fail.
        let directory = try TemporaryDirectory()
        let whole = try FaultyDisk()
        #expect(try await live(directory.path("log.daybook"), on: whole, AppendHistory(), seed: seed) == [])
        let totals = FaultCall.all.map { whole.calls($0) }
        var met: [String: Int] = [:]
        var runs = 0
        var violations: [String] = []
        for (index, fault) in CorruptionCampaignTests.part(Self.faults).enumerated() {
            let total = totals[Int(fault.call.rawValue)]
            var numbers = Array(1...max(total, 1))
            // A run has a few calls more or less than another: in the whole campaign the n-th is looked for until none comes.
            if CorruptionCampaignTests.isFull {
                numbers += total + 1..<total + 200
            } else {
                numbers = [1 + index % 2] + Array(numbers.shuffled(using: &generator).prefix(Self.sampled))
            }
            for number in numbers {
                let outcome = try await run(fault, at: number, seed: seed)
                runs += 1
                if outcome.wasMet { met[fault.call.name, default: 0] += 1 }
                violations += outcome.violations.map { "\(fault), call \(number), seed \(seed): \($0)" }
                if !outcome.wasMet, number > total { break }
            }
        }
        let counts = met.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1)" }.joined(separator: ",")
        print(
            "{\"campaign\":\"storage-calls\",\"seed\":\(seed),\"runs\":\(runs),\"failures\":\(violations.count),"
                + "\"runsWithFaults\":{\(counts)}}")
        #expect(violations.isEmpty, "\(violations.count), such as \(violations.prefix(10))")
        for call in FaultCall.all where CorruptionCampaignTests.isWhole {
            #expect(met[call.name, default: 0] > 0, "No \(call.name) failed.")
        }
    }

    /// Calls of each kind of fault in the sample.
    private static let sampled = 7
}
