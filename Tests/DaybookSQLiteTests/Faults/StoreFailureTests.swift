import CFaultFileSystem
import CSQLite
import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("When the disk fails a write or a sync the store")
struct StoreFailureTests {
    private static let requests = 8

    /// Opens, appends one request after the other, closes; returns whether an append was acknowledged after a failure.
    private func run(
        _ history: AppendHistory, _ path: String, on disk: FaultyDisk, seed: UInt64
    ) async throws -> (failed: Bool, acknowledgedAfterFailure: Bool) {
        var generator = SeededGenerator(seed: seed)
        guard let store = try? await SQLiteEventStore.open(path, configuration: .faulty(disk, indexEntriesInMemory: 40))
        else {
            disk.repair()
            return (true, false)
        }
        var failed = false
        var acknowledgedAfterFailure = false
        for number in 0..<Self.requests {
            let request = AppendRequest.random(writer: 0, number: number, using: &generator)
            do {
                try await history.append(request, to: store)
                acknowledgedAfterFailure = acknowledgedAfterFailure || failed
            } catch {
                guard case .storageFailed = error else { throw error }
                failed = true
            }
        }
        // The process dies rather than closing: what it leaves undone stays undone.
        disk.cutPower()
        await store.close()
        disk.restorePower()
        disk.repair()
        return (failed, acknowledgedAfterFailure)
    }

    /// What a later power cut leaves holds at least what is served now.
    private func checkDurable(_ store: SQLiteEventStore, on disk: FaultyDisk, seed: UInt64) async throws -> [String] {
        let head = try await store.head()
        var violations: [String] = []
        for (index, survival) in [FaultSurvival.none, .random].enumerated() {
            let survivors = try TemporaryDirectory()
            try disk.copySurviving(to: survivors.url, survival, seed: seed &+ UInt64(index))
            let later = try await SQLiteEventStore.open(
                survivors.path("log.daybook"), configuration: .faulty(nil))
            let laterHead = try await later.head()
            if laterHead < head { violations.append("served up to \(head), and a power cut left \(laterHead)") }
            await later.close()
        }
        return violations
    }

    struct Failure: CustomTestStringConvertible {
        let call: FaultCall
        var effect = FaultEffect.error
        var count: Int? = 1
        var testDescription: String { "\(call), \(effect), \(count == nil ? "from then on" : "once")" }
    }

    @Test(
        "at the n-th call acknowledges nothing more, and serves after the next opening only what lasts",
        arguments: [
            Failure(call: .write), Failure(call: .write, effect: .short), Failure(call: .sync),
            Failure(call: .sync, count: nil), Failure(call: .truncate), Failure(call: .sharedMemoryMap),
        ])
    func nthCall(_ failure: Failure) async throws {
        // A sync that fails is the rare and the treacherous case: each is tried; of the writes every third.
        let step = failure.call == .write && ProcessInfo.processInfo.environment["DAYBOOK_FAULT_STATES"] == nil ? 3 : 1
        var failures = 0
        for n in stride(from: 1, through: 2000, by: step) {
            let seed = FaultSeed.value &+ UInt64(n)
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            let disk = try FaultyDisk()
            let history = AppendHistory()
            disk.breakCall(
                failure.call, first: n, count: failure.count, effect: failure.effect, length: 600)
            let place: Comment = "call \(n), seed \(FaultSeed.value)"
            let faultsBefore = disk.faults(failure.call)
            let (failed, acknowledgedAfterFailure) = try await run(history, path, on: disk, seed: seed)
            #expect(!acknowledgedAfterFailure, place)
            failures += failed ? 1 : 0
            let store = try await SQLiteEventStore.open(path, configuration: .faulty(disk))
            #expect(try await history.violations(in: store) == [], place)
            #expect(try await checkDurable(store, on: disk, seed: seed) == [], place)
            try await history.append(
                AppendRequest(writes: [
                    StreamWrite(stream: "after", action: .append([NewEvent(type: "Counted", data: [1])]))
                ]), to: store)
            await store.close()
            if disk.calls(failure.call) < n || (disk.faults(failure.call) == faultsBefore && !failed) { break }
        }
        #expect(failures > 0 || failure.call == .truncate)
    }

    @Test("and is opened again, may lose its power at any call of the opening")
    func cutWhileReopening() async throws {
        for call: FaultCall in [.write, .sync, .truncate] {
            for n in 1...200 {
                let seed = FaultSeed.value &+ UInt64(n)
                let directory = try TemporaryDirectory()
                let path = directory.path("log.daybook")
                let disk = try FaultyDisk()
                let history = AppendHistory()
                disk.breakCall(.sync, of: "-wal", first: 8)
                let (failed, _) = try await run(history, path, on: disk, seed: seed)
                #expect(failed)
                disk.breakCall(call, first: n, effect: .powerOff, length: 600)
                let reopened = try? await SQLiteEventStore.open(path, configuration: .faulty(disk))
                let wasCut = disk.isOff
                disk.cutPower()
                await reopened?.close()
                for (index, survival) in FaultSurvival.mixed.enumerated() {
                    let survivors = try TemporaryDirectory()
                    try disk.copySurviving(to: survivors.url, survival, seed: seed &+ UInt64(index))
                    let place: Comment = "\(call) \(n), \(survival), seed \(FaultSeed.value)"
                    await #expect(throws: Never.self, place) {
                        let store = try await SQLiteEventStore.open(
                            survivors.path("log.daybook"), configuration: .faulty(nil))
                        #expect(try await history.violations(in: store) == [], place)
                        await store.close()
                    }
                }
                if !wasCut { break }
            }
        }
    }

    @Test("reports a read that fails, and goes on when the disk does")
    func failedRead() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        let history = AppendHistory()
        _ = try await run(history, path, on: disk, seed: 1)
        var configuration = SQLiteEventStore.Configuration.faulty(disk)
        configuration.readerCount = 1
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        disk.breakCall(.read, of: ".daybook", count: nil)
        let error = await #expect(throws: ReadError.self) {
            for try await _ in store.events() {}
        }
        guard case .storageFailed(let reason) = error else {
            Issue.record("\(String(describing: error)) is no storageFailed")
            return
        }
        #expect(reason.contains(path))
        disk.repair()
        #expect(try await history.violations(in: store) == [])
        await store.close()
    }

    @Test("is not told to be damaged when its disk cannot be read for a moment")
    func verifyWithoutReading() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path("log.daybook")
        let disk = try FaultyDisk()
        let history = AppendHistory()
        _ = try await run(history, path, on: disk, seed: 3)
        var failures = 0
        for number in 1...60 {
            var configuration = SQLiteEventStore.Configuration.faulty(disk)
            configuration.readerCount = 1
            let store = try await SQLiteEventStore.open(path, configuration: configuration)
            disk.breakCall(.read, of: ".daybook", first: number)
            do {
                let report = try await store.verify()
                #expect(report.isSound, "The read \(number) failed, and verify found \(report.findings)")
            } catch ReadError.storageFailed {
                failures += 1
            }
            disk.repair()
            await store.close()
        }
        #expect(failures > 0)
    }

    @Test("that has failed says so to whoever asks for a new index, and speaks of no damage")
    func reindexAfterFailure() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let store = try await SQLiteEventStore.open(
            directory.path("log.daybook"), configuration: .faulty(disk))
        try await store.append([NewEvent(type: "Counted", data: [1])], to: "failed-1")
        disk.breakCall(.sync, of: "-wal")
        await #expect(throws: AppendError.self) {
            try await store.append([NewEvent(type: "Counted", data: [2])], to: "failed-1")
        }
        let error = await #expect(throws: ReadError.self) { try await store.reindex() }
        guard case .storageFailed(let reason) = error else {
            Issue.record("\(String(describing: error)) is no storageFailed")
            return
        }
        #expect(reason.contains("open it again"))
        await store.close()
    }

    @Test("while it repeats an append on an index built anew, calls nothing unwritten that the next opening finds")
    func repeatedAfterReindex() async throws {
        var (unsure, found) = (0, 0)
        for n in 1...100 {
            let directory = try TemporaryDirectory()
            let path = directory.path("log.daybook")
            let disk = try FaultyDisk()
            let configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 40)
            var store = try await SQLiteEventStore.open(path, configuration: configuration)
            for stream in ["old-1", "new-1"] as [StreamName] {
                for number in 0..<12 {
                    try await store.append([NewEvent(type: "Counted", data: [UInt8(number)])], to: stream)
                }
            }
            await store.close()
            // What was opened knows nothing of the stream yet, and has nothing to do behind the commits.
            store = try await SQLiteEventStore.open(path, configuration: configuration)
            let database = try RawDatabase(path, fileSystem: disk.name)
            try database.execute("UPDATE index_blocks SET data = zeroblob(length(data))")
            database.close()
            let event = NewEvent(type: "Counted", data: [100])
            let rule = disk.breakCall(.sync, of: "-wal", first: n)
            var outcome: AppendError?
            do {
                try await store.append([event], to: "old-1")
            } catch {
                outcome = error
            }
            let place: Comment = "sync \(n): \(String(describing: outcome))"
            disk.cutPower()
            await store.close()
            let isOver = outcome == nil
            #expect(isOver || disk.timesMet(rule) == 1, place)
            disk.restorePower()
            disk.repair()
            store = try await SQLiteEventStore.open(path, configuration: configuration)
            var events = 0
            for try await recorded in store.events(of: "old-1") where recorded.id == event.id { events += 1 }
            await store.close()
            switch outcome {
            case nil: #expect(events == 1, place)
            case .storageFailed(_, mayBeWritten: false)?: #expect(events == 0, place)
            case .storageFailed(_, mayBeWritten: true)?:
                unsure += 1
                found += events
            default: Issue.record(place)
            }
            if isOver { break }
        }
        #expect(unsure > 0 && found > 0, "\(unsure) were not sure, \(found) of them there")
    }
}
