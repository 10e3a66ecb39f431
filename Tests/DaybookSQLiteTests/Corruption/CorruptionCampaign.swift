import DaybookCore
import DaybookSQLite
import Foundation

/// Opens damaged copies of a sample, reads everything, and holds it against what was written.
struct CorruptionCampaign: Sendable {
    enum Outcome: String, CaseIterable, Sendable {
        /// The store was not opened, and said why.
        case refused
        /// It was opened, and a read told what it could not give.
        case readError
        /// Streams are read without events of which nothing tells their stream any more: verify names each.
        case foundByVerify
        /// Everything is read as it was written.
        case harmless
        /// The state before the last transactions: as after a power cut, or as an older copy has it.
        case earlierState
        /// A read gave something else, and nothing told.
        case silent
    }

    struct Result: Sendable {
        var counts: [Corruption.Kind: [Outcome: Int]] = [:]
        var failures: [String] = []
        /// Derived state that has no CRC, read otherwise than it was saved.
        var silentDerived = 0

        mutating func merge(_ other: Result) {
            counts.merge(other.counts) { $0.merging($1, uniquingKeysWith: +) }
            failures += other.failures
            silentDerived += other.silentDerived
        }

        var cases: Int { counts.values.reduce(0) { $0 + $1.values.reduce(0, +) } }

        /// One line of JSON.
        func line(seed: UInt64) -> String {
            let kinds = counts.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, outcomes in
                let counts = Outcome.allCases.compactMap { outcome in
                    outcomes[outcome].map { "\"\(outcome)\":\($0)" }
                }
                return "\"\(kind)\":{\(counts.joined(separator: ","))}"
            }
            return "{\"campaign\":\"corruption\",\"seed\":\(seed),\"cases\":\(cases),\"failures\":\(failures.count),"
                + "\"silentDerived\":\(silentDerived),\"kinds\":{\(kinds.joined(separator: ","))}}"
        }
    }

    let sample: CorruptionSample
    let seed: UInt64

    /// Runs some cases on several threads.
    func run(_ cases: [Corruption], workers: Int = 2) async -> Result {
        await withTaskGroup(of: Result.self) { group in
            for worker in 0..<workers {
                group.addTask {
                    var result = Result()
                    for index in stride(from: worker, to: cases.count, by: workers) {
                        await run(cases[index], into: &result)
                    }
                    return result
                }
            }
            return await group.reduce(into: Result()) { $0.merge($1) }
        }
    }

    private func run(_ corruption: Corruption, into result: inout Result) async {
        var failures: [String] = []
        let outcome: Outcome
        do {
            // What a trap leaves behind: this folder, with the name of the case in it.
            let directory = try TemporaryDirectory()
            try Data("\(corruption), seed \(seed)\n".utf8).write(to: directory.url.appendingPathComponent("case"))
            let path = directory.path("log.daybook")
            try corruption.files(of: sample, seed: seed).write(to: path)
            outcome = try await open(path, after: corruption, &failures, &result.silentDerived)
        } catch {
            failures.append("\(error)")
            outcome = .silent
        }
        result.counts[corruption.kind, default: [:]][outcome, default: 0] += 1
        result.failures += failures.map { "\(corruption), seed \(seed): \($0)" }
    }

    private func open(
        _ path: String, after corruption: Corruption, _ failures: inout [String], _ silentDerived: inout Int
    ) async throws -> Outcome {
        let disk = try FaultyDisk()  // Spares the real one its syncs.
        var configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 60)
        configuration.createsFile = false
        configuration.readerCount = 1
        let store: SQLiteEventStore
        do {
            store = try await SQLiteEventStore.open(path, configuration: configuration)
        } catch {
            if !"\(error)".contains(path) { failures.append("the error does not name the file: \(error)") }
            return .refused
        }
        let reading = try await StoreReading(of: store, asking: sample.questions)
        let outcome = await judge(reading, corruption, store, &failures, &silentDerived)
        await store.close()
        if disk.openFiles > 0 { failures.append("\(disk.openFiles) files are open after the store was closed") }
        return outcome
    }

    private func judge(
        _ reading: StoreReading, _ corruption: Corruption, _ store: SQLiteEventStore, _ failures: inout [String],
        _ silentDerived: inout Int
    ) async -> Outcome {
        failures += reading.vagueErrors
        let truth =
            corruption.kind.isOfWAL ? sample.openTruths[sample.openTruths.count - 1].reading : sample.closedTruth
        let differences = reading.differences(from: truth, derived: false)
        if differences.isEmpty {
            if !reading.differences(from: truth, derived: true).isEmpty { silentDerived += 1 }
            guard reading.errors > 0 else { return .harmless }
            if (try? await store.verify())?.isSound == true {
                failures.append("verify finds nothing, and \(reading.errors) reads fail")
            }
            return .readError
        }
        if let earliest = earliestState(after: corruption) {
            for state in earliest where reading.errors == 0 {
                if reading.differences(from: state, derived: false).isEmpty { return .earlierState }
            }
        }
        if corruption.kind != .forged {
            let report = try? await store.verify()
            let listed = Set(report?.findings.compactMap(\.position) ?? [])
            if reading.errors > 0, differences.allSatisfy({ $0.isExplained(by: listed, truth) }) {
                return .foundByVerify
            }
            failures.append(
                "\(differences.count) reads differ and do not tell, \(reading.errors) do; verify has "
                    + "\(report?.findingCount.description ?? "failed") findings; first: \(differences[0])")
        }
        return .silent
    }

    /// The earlier states that a store may be in after damage that cannot be told from a power cut or an older copy.
    private func earliestState(after corruption: Corruption) -> [StoreReading]? {
        let states = sample.openTruths
        func before(_ byte: Int) -> Int {
            let frame = max(0, byte - CorruptionSample.walHeaderBytes) / CorruptionSample.frameBytes
            return states.lastIndex { $0.frames <= frame } ?? 0
        }
        switch corruption.kind {
        case .olderFile: return [sample.olderTruth]
        case .walMissing: return [states[0].reading]
        case .walTruncated: return [states[before(corruption.offset)].reading]
        case .walOlder: return states.dropLast().map(\.reading)
        case .walFlippedBit, .walInvertedByte, .walZeroedBlock, .walZeroedFrame, .walZeroedPage, .walOlderPage,
            .walSwappedBlocks, .walSwappedFrames:
            let frames = corruption.damagedFrames(ofLogWith: states[states.count - 1].frames)
            return provesDamage(frames) ? nil : [states[before(corruption.offset)].reading]
        default: return nil
        }
    }

    /// Whether the frames behind the first damaged one show that it was no power cut: two transactions end in a row of whole
    /// frames, of which the first cannot be told to be whole.
    private func provesDamage(_ damaged: Set<Int>) -> Bool {
        let last = sample.openTruths[sample.openTruths.count - 1].frames
        let ends = Set(sample.openTruths.map(\.frames))
        var transactions = 0
        var follows = false
        for frame in stride(from: (damaged.min() ?? last) + 1, through: last, by: 1) {
            if damaged.contains(frame) || !follows {
                transactions = 0
            } else if ends.contains(frame) {
                transactions += 1
            }
            follows = !damaged.contains(frame)
            if transactions == 2 { return true }
        }
        return false
    }
}
