import DaybookCore
import DaybookSQLite
import Foundation

/// What salvaging a damaged file gave and left, to be held against what was in the original.
struct SalvagedFile {
    static let damagedName = "damaged.daybook"
    static let savedName = "saved.daybook"

    let damaged: CorruptionSample.Files
    let path: String
    var report: SalvageReport
    /// The damaged file, and all names in its folder, afterwards.
    var left: CorruptionSample.Files
    var names: Set<String>
    /// Of the new file.
    var reading: StoreReading
    var verification: VerificationReport

    /// - Parameter directory: Empty.
    init(
        salvaging files: CorruptionSample.Files, of sample: CorruptionSample, in directory: TemporaryDirectory
    ) async throws {
        damaged = files
        let damagedPath = directory.path(Self.damagedName)
        path = directory.path(Self.savedName)
        try files.write(to: damagedPath)
        report = try await SQLiteEventStore.salvage(damagedPath, to: path)
        left = try CorruptionSample.Files(damagedPath)
        names = Set(try FileManager.default.contentsOfDirectory(atPath: directory.url.path))
        var configuration = SQLiteEventStore.Configuration.faulty(nil)
        configuration.createsFile = false
        let store = try await SQLiteEventStore.open(path, configuration: configuration)
        reading = try await StoreReading(of: store, asking: sample.questions)
        verification = try await store.verify()
        await store.close()
    }

    /// Everything in which the folder is not as it was but for the new file.
    var folderViolations: [String] {
        var violations: [String] = []
        if left.database != damaged.database { violations.append("the damaged file changed") }
        if left.wal != damaged.wal { violations.append("its write-ahead log changed") }
        let expected = Set(
            [Self.damagedName, Self.savedName] + (damaged.wal == nil ? [] : [Self.damagedName + "-wal"]))
        if names != expected { violations.append("the folder has \(names), not \(expected)") }
        return violations
    }

    /// Everything in which the new file gives what the original did not have, or passes over in silence what that had.
    ///
    /// - Parameter kind: What was done to the file; nil for nothing.
    func violations(after kind: Corruption.Kind?, of truth: StoreReading) -> [String] {
        var violations: [String] = []
        func expect(_ holds: Bool, _ violation: @autoclosure () -> String) {
            if !holds { violations.append(violation()) }
        }
        expect(
            report.savedEvents + report.lostEvents == report.head.rawValue,
            "the report has \(report.savedEvents) and \(report.lostEvents) events up to \(report.head)")
        // Without a part of the log that was never synced as far as can be told, or of a file that is cut off.
        let mayEndEarlier = kind.map { $0 == .truncated || $0.isOfWAL } ?? false
        expect(
            mayEndEarlier ? report.head <= truth.head : report.head == truth.head,
            "the report ends at \(report.head), the original at \(truth.head)")
        expect(reading.head == report.head, "the new file ends at \(reading.head), the report at \(report.head)")
        let readable = report.savedEvents - report.namelessEvents
        expect(
            Int64(reading.events.count) == readable, "\(reading.events.count) events are read, \(readable) are saved")
        for position in reading.events.keys.sorted() where truth.events[position] != reading.events[position] {
            violations.append("the event at position \(position) is not what was appended")
        }
        let unreadable = report.lostEvents + report.namelessEvents
        expect(
            Int64(reading.damagedPositions.count) == unreadable,
            "\(reading.damagedPositions.count) positions cannot be read, \(unreadable) are lost")
        if report.lostPositions.count < 1000 {
            let listed = reading.damagedPositions.count { position in
                report.lostPositions.contains { $0.first <= position && position <= $0.last }
            }
            expect(
                Int64(listed) == report.lostEvents,
                "the report lists \(listed) of \(report.lostEvents) lost positions: \(report.lostPositions)")
        }
        violations += reading.vagueErrors.map { "an error does not tell enough: \($0)" }
        // Nothing is passed over in silence, where the log reaches as far as it did.
        if report.head == truth.head, report.lostEvents == 0 || kind != .truncated {
            violations += silences(of: truth) { !$0.hasPrefix("stream ") }
        }
        let unnamed = reading.damagedPositions.subtracting(verification.findings.compactMap(\.position))
        expect(unnamed.isEmpty, "verify does not name \(unnamed.sorted())")
        expect(
            verification.isSound == report.isComplete,
            "verify and the report do not say the same: \(verification) \(report)")
        return violations
    }

    /// Receipts of commands that are not there as they were, and of which nothing tells that they may be lost.
    func receiptViolations(of truth: StoreReading) -> [String] { silences(of: truth) { $0.hasPrefix("receipt ") } }

    /// Answers to some questions that are not the original's, and are no errors.
    private func silences(of truth: StoreReading, to isAsked: (String) -> Bool) -> [String] {
        reading.differences(from: truth, derived: false).filter { isAsked($0.question) }.map { "in silence, \($0)" }
    }
}
