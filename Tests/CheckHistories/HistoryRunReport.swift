import ArgumentParser
import DaybookTesting
import Foundation

/// What some runs have shown, printed as one line of JSON.
struct HistoryRunReport: Encodable {
    let kind: String
    var seeds: [UInt64] = []
    var kills = 0
    var operations = 0
    var appends = 0
    var unknownOutcomes = 0
    var unknownWritten = 0
    var violations = 0
    /// How often each kind of anomaly was found; it was planted once a run.
    var anomaliesFound: [String: Int] = [:]
    var anomaliesMissed: [String: [UInt64]] = [:]
    var checkSeconds = 0.0
    var seconds = 0.0

    private let started = ContinuousClock.now
    private static let violationsShown = 5

    init(kind: String) { self.kind = kind }

    private enum CodingKeys: String, CodingKey {
        case kind, seeds, kills, operations, appends, unknownOutcomes, unknownWritten, violations
        case anomaliesFound, anomaliesMissed, checkSeconds, seconds
    }

    /// Checks a history, and plants every anomaly in it.
    ///
    /// - Returns: Whether there is something to be looked at.
    mutating func add(_ history: History, seed: UInt64) -> Bool {
        let begun = ContinuousClock.now
        let check = history.check()
        checkSeconds += Self.seconds(since: begun)
        seeds.append(seed)
        operations += check.operationCount
        appends += check.commitCount
        unknownOutcomes += check.unknownCount
        unknownWritten += check.unknownWritten
        violations += check.violations.count
        for violation in check.violations.prefix(Self.violationsShown) {
            HistoryProgress.tell("seed \(seed): \(violation)")
        }
        guard check.violations.isEmpty else { return true }
        let canary = HistoryCanary(history)
        var isMissed = false
        for anomaly in HistoryAnomaly.allCases {
            HistoryProgress.show("seed \(seed): planting \(anomaly.rawValue)")
            if canary.isFound(anomaly, seed: seed) {
                anomaliesFound[anomaly.rawValue, default: 0] += 1
            } else {
                isMissed = true
                anomaliesMissed[anomaly.rawValue, default: []].append(seed)
                HistoryProgress.tell("seed \(seed): the check did not find the anomaly '\(anomaly.rawValue)'")
            }
        }
        return isMissed
    }

    /// Prints the line, and ends the program with exit code 1 when something was found.
    mutating func finish() throws {
        seconds = (Self.seconds(since: started) * 10).rounded() / 10
        checkSeconds = (checkSeconds * 10).rounded() / 10
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        HistoryProgress.end()
        print(String(decoding: try encoder.encode(self), as: UTF8.self))
        if violations > 0 || !anomaliesMissed.isEmpty { throw ExitCode(1) }
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}

/// A line on the standard error that tells how far a run is, when somebody watches.
enum HistoryProgress {
    private static let isWatched = isatty(STDERR_FILENO) == 1

    static func show(_ text: String) {
        if isWatched { FileHandle.standardError.write(Data("\r\(text)\u{1B}[K".utf8)) }
    }

    static func tell(_ text: String) {
        FileHandle.standardError.write(Data("\(isWatched ? "\r\u{1B}[K" : "")\(text)\n".utf8))
    }

    static func end() {
        if isWatched { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
}
