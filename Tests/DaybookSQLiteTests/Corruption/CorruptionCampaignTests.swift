import DaybookCore
import DaybookSQLite
import Foundation
import Testing

@Suite("Of damaged files")
struct CorruptionCampaignTests {
    /// How much of the campaign runs: a sample, or with `DAYBOOK_CAMPAIGN=full` every byte, of which
    /// `DAYBOOK_CAMPAIGN_PART=2/8` takes the second of eight parts.
    static let isFull = ProcessInfo.processInfo.environment["DAYBOOK_CAMPAIGN"] == "full"

    /// Whether no kind of damage may be without a case.
    static let isWhole = ProcessInfo.processInfo.environment["DAYBOOK_CAMPAIGN_PART"] == nil

    static func part<Case>(_ cases: [Case]) -> [Case] {
        let part = (ProcessInfo.processInfo.environment["DAYBOOK_CAMPAIGN_PART"] ?? "1/1").split(separator: "/")
        guard isFull, part.count == 2, let number = Int(part[0]), let count = Int(part[1]), count > 0 else {
            return cases
        }
        return cases.indices.filter { $0 % count == number % count }.map { cases[$0] }
    }

    /// Cases of each kind in the sample.
    private static let sampled = 60

    @Test("none is read as if it were whole")
    func campaign() async throws {
        let seed = FaultSeed.value
        let sample = try await CorruptionSample()
        let campaign = CorruptionCampaign(sample: sample, seed: seed)
        var generator = SeededGenerator(seed: seed)
        var cases: [Corruption] = []
        for kind in Corruption.Kind.allCases {
            let all = Corruption.all(kind, in: sample)
            cases += Self.isFull ? Self.part(all) : Array(all.shuffled(using: &generator).prefix(Self.sampled))
        }
        let result = await campaign.run(cases.shuffled(using: &generator))
        print(result.line(seed: seed))
        #expect(result.failures.isEmpty, "\(result.failures.count), such as \(result.failures.prefix(10))")
        for kind in Corruption.Kind.allCases {
            let outcomes = result.counts[kind] ?? [:]
            if Self.isWhole { #expect(!outcomes.isEmpty, "No case of \(kind)") }
            if kind == .forged, !outcomes.isEmpty {
                #expect(outcomes == [.silent: 1], "The comparison misses a forged record.")
            } else {
                #expect(outcomes[.silent] == nil, "\(kind)")
            }
        }
        // What is not told from an older copy is at least read as that copy was.
        if Self.isWhole {
            #expect(result.counts[.olderFile] == [.earlierState: 1])
            #expect(result.counts[.walMissing] == [.earlierState: 1])
        }
        for kind: Corruption.Kind in [.flippedBit, .zeroedBlock, .walFlippedBit] where result.cases > 500 {
            #expect((result.counts[kind]?[.refused] ?? 0) + (result.counts[kind]?[.readError] ?? 0) > 0, "\(kind)")
        }
    }
}
