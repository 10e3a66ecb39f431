import Foundation

/// What came of many seeds; one line of JSON.
public struct SimulationReport: Sendable, Codable {
    public private(set) var seeds = 0
    /// Seeds that were run twice, and did the same.
    public private(set) var seedsRepeated = 0
    public internal(set) var seconds = 0.0
    /// Of the process, which others cannot lengthen.
    public internal(set) var processorSeconds = 0.0
    public internal(set) var seedsPerProcessorSecond = 0.0
    /// Everything that was decided: calls to the disk, tasks and workers that went on, answers.
    public private(set) var steps = 0
    /// What clients asked for.
    public private(set) var operations = 0
    public private(set) var acknowledgedAppends = 0
    public private(set) var crashes = 0
    public private(set) var reopenings = 0
    public private(set) var simulatedHours = 0.0
    /// By kind, those that never came with 0.
    public private(set) var faults: [String: Int] = Dictionary(
        uniqueKeysWithValues: FaultKind.allCases.map { ($0.rawValue, 0) })
    public private(set) var damageRefusedAtOpening = 0
    public private(set) var damageFoundByVerify = 0
    public private(set) var lyingDisksSurvived = 0
    /// Acknowledged appends that a disk that lied took back from the log's end.
    public private(set) var acknowledgedLost = 0
    public private(set) var violations = 0

    public init() {}

    /// Kinds of fault that no seed had.
    public var missingFaults: [FaultKind] { FaultKind.allCases.filter { faults[$0.rawValue] == 0 } }

    mutating func add(_ outcome: SimulationOutcome, isRepeated: Bool) {
        seeds += 1
        if isRepeated { seedsRepeated += 1 }
        steps += outcome.steps
        operations += outcome.operations
        acknowledgedAppends += outcome.acknowledgedAppends
        crashes += outcome.crashes
        reopenings += outcome.reopenings
        simulatedHours += Double(outcome.simulatedMicroseconds) / 3_600_000_000
        for (kind, count) in outcome.faults { faults[kind.rawValue, default: 0] += count }
        damageRefusedAtOpening += outcome.damageRefusedAtOpening
        damageFoundByVerify += outcome.damageFoundByVerify
        lyingDisksSurvived += outcome.lyingDisksSurvived
        acknowledgedLost += outcome.acknowledgedLost
        if outcome.violation != nil { violations += 1 }
    }

    /// One line of JSON.
    public var line: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { return "{}" }
        return String(decoding: data, as: UTF8.self)
    }
}
