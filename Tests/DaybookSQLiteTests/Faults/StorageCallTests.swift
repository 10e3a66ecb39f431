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
        let wasMet: Bool
        let violations: [String]
    }

    /// What was seen of a store in a short life: opened, written, read, closed.
    private struct Life {
        struct Answer {
            let isAfterFailedSync: Bool
            /// Nil when the append was acknowledged.
            var error: AppendError?
        }

        let directory: TemporaryDirectory
        /// Nil when it was opened.
        var openingError: String?
        /// To each append, in their order.
        var answers: [Answer] = []
        /// Nil when it was not opened.
        var reading: Result<[RecordedEvent], ReadError>?

        var path: String { directory.path("log.daybook") }

        /// What failed must say so; what succeeded must be right.
        func violations(_ history: AppendHistory) -> [String] {
            if let openingError {
                return openingError.contains(path) ? [] : ["the error does not name the file: \(openingError)"]
            }
            var violations: [String] = []
            for (number, answer) in answers.enumerated() {
                switch answer.error {
                case nil where answer.isAfterFailedSync:
                    violations.append("append \(number) was acknowledged after a sync had failed")
                case nil: break
                case .storageFailed(let reason, _)? where reason.contains(path): break
                case let error?: violations.append("append \(number): \(error)")
                }
            }
            switch reading {
            case nil: violations.append("the log was not read")
            case .success(let events)?: violations += history.missing(among: events)
            case .failure(.storageFailed(let reason))? where reason.contains(path): break
            // A read that came back short looks like a file that is cut off.
            case .failure(.corrupted(_, _, let file, _))? where file == path: break
            case .failure(let error)?: violations.append("reading: \(error)")
            }
            return violations
        }
    }

    /// - Parameter plant: Called when the store is open, before the first append.
    private func live(
        in directory: TemporaryDirectory, on disk: FaultyDisk, _ history: AppendHistory, seed: UInt64,
        planting plant: () -> Void = {}
    ) async -> Life {
        var life = Life(directory: directory)
        var configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 20)
        configuration.readerCount = 1
        let store: SQLiteEventStore
        do { store = try await SQLiteEventStore.open(life.path, configuration: configuration) } catch {
            life.openingError = "\(error)"
            return life
        }
        var generator = SeededGenerator(seed: seed)
        // One that fails while a new file is made may pass: nothing has been acknowledged, and what it was for is
        // written again.
        let failedSyncs = disk.faults(.sync)
        plant()
        for number in 0..<4 {
            var answer = Life.Answer(isAfterFailedSync: disk.faults(.sync) > failedSyncs)
            do throws(AppendError) {
                try await history.append(.random(writer: 0, number: number, using: &generator), to: store)
            } catch {
                answer.error = error
            }
            life.answers.append(answer)
            if number == 1 { try? await store.save(Checkpoint(after: 1), for: "reader") }
        }
        do throws(ReadError) { life.reading = .success(try await Self.log(of: store)) } catch {
            life.reading = .failure(error)
        }
        await store.close()
        return life
    }

    private static func log(of store: SQLiteEventStore) async throws(ReadError) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        for try await event in store.events(filter: .everything) { events.append(event) }
        return events
    }

    /// Everything in which a life, and what it left on its disk, is not what a store promises.
    ///
    /// - Parameter cutsPower: Whether what was acknowledged is looked for after a power cut, too.
    private func judge(
        _ life: Life, _ history: AppendHistory, on disk: FaultyDisk, cutsPower: Bool, seed: UInt64
    ) async throws -> [String] {
        var violations = life.violations(history)
        if disk.openFiles > 0 { violations.append("\(disk.openFiles) files are still open in SQLite") }
        let leaked = Self.descriptors(below: life.directory.url.path)
        if !leaked.isEmpty { violations.append("descriptors are left open: \(leaked)") }
        if cutsPower {
            let survivors = try TemporaryDirectory()
            try disk.copySurviving(to: survivors.url, .none, seed: seed)
            do {
                let later = try await SQLiteEventStore.open(survivors.path("log.daybook"), configuration: .faulty(nil))
                violations += try await history.violations(in: later).map { "after a power cut, \($0)" }
                await later.close()
            } catch {
                violations.append("after a power cut, the log cannot be read: \(error)")
            }
        }
        disk.repair()
        let store = try await SQLiteEventStore.open(life.path, configuration: .faulty(disk))
        violations += try await history.violations(in: store)
        try await history.append(Self.oneMore, to: store)
        await store.close()
        return violations
    }

    private static var oneMore: AppendRequest {
        AppendRequest(writes: [
            StreamWrite(stream: "after", action: .append([NewEvent(type: "Counted", data: [1])]))
        ])
    }

    private func run(_ fault: Fault, at number: Int, seed: UInt64) async throws -> Outcome {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let history = AppendHistory()
        let rule = disk.breakCall(
            fault.call, first: number, count: fault.count, effect: fault.effect, result: fault.result, length: 600)
        let life = await live(in: directory, on: disk, history, seed: seed)
        let wasMet = disk.timesMet(rule) > 0
        let violations = try await judge(life, history, on: disk, cutsPower: fault.call == .sync, seed: seed)
        return Outcome(wasMet: wasMet, violations: violations)
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
        let history = AppendHistory()
        let life = await live(in: directory, on: whole, history, seed: seed)
        let totals = FaultCall.all.map { whole.calls($0) }
        #expect(try await judge(life, history, on: whole, cutsPower: true, seed: seed) == [])
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

    /// What no store and no disk may do.
    enum Defect: CaseIterable {
        /// The disk reports syncs as done, and does none: what was written since is lost with the power.
        case lyingSync
        /// The store acknowledges appends whose sync has failed, or that came behind it.
        case acknowledgedFailure
        /// The store acknowledges an append, and never writes it.
        case acknowledgedOnly
        case eventNotRead, eventReadOtherwise
        /// An error that does not name the file.
        case vagueOpening, vagueAppend, vagueReading
        /// An error that names another file.
        case damageElsewhere
        case openFile, openDescriptor

        /// What the judge has to say, a part of each.
        var findings: [String] {
            switch self {
            case .lyingSync: ["after a power cut, "]
            case .acknowledgedFailure:
                ["was acknowledged after a sync had failed", "after a power cut, the request of"]
            case .acknowledgedOnly: ["is missing"]
            case .eventNotRead, .eventReadOtherwise: ["was acknowledged, and is not read"]
            case .vagueOpening: ["the error does not name the file"]
            case .vagueAppend: ["append 0: "]
            case .vagueReading, .damageElsewhere: ["reading: "]
            case .openFile: ["files are still open in SQLite"]
            case .openDescriptor: ["descriptors are left open"]
            }
        }
    }

    @Test("is judged by what reports each planted defect", arguments: Defect.allCases)
    func planted(_ defect: Defect) async throws {
        let seed = FaultSeed.value
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let history = AppendHistory()
        var life = await live(in: directory, on: disk, history, seed: seed) {
            if defect == .lyingSync { disk.dropSyncs() }
            if [.acknowledgedFailure, .vagueAppend].contains(defect) { disk.breakCall(.sync, count: nil) }
        }
        if defect != .lyingSync { #expect(life.violations(history) == []) }
        var database: RawDatabase?
        var file: FileHandle?
        switch defect {
        case .lyingSync: break
        case .acknowledgedFailure:
            for number in life.answers.indices { life.answers[number].error = nil }
            history.acknowledgeAll()
        case .acknowledgedOnly: history.acknowledgeAll(and: [Self.oneMore])
        case .eventNotRead: life.reading = .success(Array(try #require(life.reading).get().dropLast()))
        case .eventReadOtherwise:
            var events = try #require(life.reading).get()
            events[0] = events[0].forged
            life.reading = .success(events)
        case .vagueOpening: life.openingError = "disk I/O error"
        case .vagueAppend:
            for number in life.answers.indices where life.answers[number].error != nil {
                life.answers[number].error = .storageFailed(reason: "disk I/O error", mayBeWritten: true)
            }
        case .vagueReading: life.reading = .failure(.storageFailed(reason: "disk I/O error"))
        case .damageElsewhere:
            life.reading = .failure(.corrupted(position: 1, stream: nil, file: "other.daybook", reason: "cut off"))
        case .openFile: database = try RawDatabase(directory.path("other.db"), fileSystem: disk.name)
        case .openDescriptor:
            try Data().write(to: directory.url.appendingPathComponent("other"))
            file = try FileHandle(forReadingFrom: directory.url.appendingPathComponent("other"))
        }
        let isCut = [.lyingSync, .acknowledgedFailure].contains(defect)
        let violations = try await judge(life, history, on: disk, cutsPower: isCut, seed: seed)
        database?.close()
        try file?.close()
        for finding in defect.findings {
            #expect(violations.contains { $0.contains(finding) }, "seed \(seed), \(defect): \(violations)")
        }
    }
}
