import Foundation

/// Many seeds, one after another.
public struct SimulationCampaign: Sendable {
    public var seeds: Range<UInt64>
    /// One in so many seeds is run twice, and must do the same both times; 0 for none.
    public var repetition = 10
    public var planted: PlantedFault?
    /// Whether every seed is told with all of its steps.
    public var keepsTrace = false
    /// When no further seed is begun, in seconds; nil for no limit.
    public var seconds: Double?
    /// Whether it goes on after a violation.
    public var goesOn = false

    public init(seeds: Range<UInt64>) { self.seeds = seeds }

    /// - Parameters:
    ///   - progress: Told after each seed.
    ///   - found: Told each violation, in full.
    public func run(
        progress: (SimulationReport) -> Void = { _ in }, found: (String) -> Void = { _ in }
    ) throws -> SimulationReport {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-simulation-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // A run that ends with a violation leaves its store open, and the next one must not meet its lock.
        var runs = 0
        func run(_ seed: UInt64) throws -> SimulationOutcome {
            runs += 1
            let own = folder.appendingPathComponent("\(runs)")
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: false)
            defer { try? FileManager.default.removeItem(at: own) }
            return Simulation.run(seed: seed, planted: planted, folder: own.path, keepsTrace: keepsTrace)
        }
        let start = ContinuousClock.now
        let begin = Self.processorSeconds
        var report = SimulationReport()
        for seed in seeds {
            var outcome = try run(seed)
            let isRepeated = repetition > 0 && seed % UInt64(repetition) == 0 && outcome.violation == nil
            if isRepeated {
                let again = try run(seed)
                if again.traceHash != outcome.traceHash {
                    outcome.violation = "run twice, it did \(outcome.steps) steps, and then \(again.steps) other ones"
                }
            }
            report.add(outcome, isRepeated: isRepeated)
            report.seconds = (ContinuousClock.now - start) / .seconds(1)
            report.processorSeconds = Self.processorSeconds - begin
            report.seedsPerProcessorSecond = Double(report.seeds) / max(report.processorSeconds, 0.001)
            progress(report)
            if outcome.violation != nil || keepsTrace {
                found(Self.describe(outcome))
                if outcome.violation != nil, !goesOn { break }
            }
            if let seconds, report.seconds >= seconds { break }
        }
        return report
    }

    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func describe(_ outcome: SimulationOutcome) -> String {
        """
        Seed \(outcome.seed), after \(outcome.steps) steps: \(outcome.violation ?? "nothing was found")
        Its steps:
        \(outcome.lastSteps.map { "  " + $0 }.joined(separator: "\n"))
        To repeat it: make simulate SEED=\(outcome.seed) SEEDS=1
        """
    }
}
