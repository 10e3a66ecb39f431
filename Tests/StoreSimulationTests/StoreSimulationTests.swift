import Foundation
import StoreSimulation
import Testing

@Suite("A store in a simulation")
struct StoreSimulationTests {
    /// `make simulate` runs more.
    private static let seeds: UInt64 = 200
    /// Seeds after which a defect that was put in must have been found.
    private static let seedsForPlanted: UInt64 = 150

    @Test(
        "loses nothing on an honest disk, serves nothing else than was appended on any, and meets every kind of fault")
    func seeds() throws {
        let first = ProcessInfo.processInfo.environment["DAYBOOK_SEED"].flatMap { UInt64($0) } ?? 1
        var found: [String] = []
        let report = try SimulationCampaign(seeds: first..<first + Self.seeds).run { _ in
        } found: {
            found.append($0)
        }
        #expect(found == [])
        #expect(report.seeds == Int(Self.seeds))
        #expect(report.seedsRepeated > 0)
        #expect(report.missingFaults == [])
        print(report.line)
    }

    @Test("finds nothing with the seeds that once found something", arguments: [1_005_593, 1_049_877] as [UInt64])
    func formerFindings(seed: UInt64) throws {
        var found: [String] = []
        _ = try SimulationCampaign(seeds: seed..<seed + 1).run { _ in
        } found: {
            found.append($0)
        }
        #expect(found == [])
    }

    @Test("with a defect that was put in is found out", arguments: PlantedFault.allCases)
    func planted(_ fault: PlantedFault) throws {
        var campaign = SimulationCampaign(seeds: 1..<Self.seedsForPlanted + 1)
        campaign.planted = fault
        campaign.repetition = 0
        let report = try campaign.run()
        #expect(report.violations == 1, "\(fault) stays hidden in \(report.seeds) seeds.")
    }

    @Test("does the same for the same seed, and something else for another")
    func repetition() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-test-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        func run(_ seed: UInt64, _ name: String) throws -> UInt64 {
            let folder = directory.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return Simulation.run(seed: seed, folder: folder.path).traceHash
        }
        var hashes: Set<UInt64> = []
        for seed in UInt64(1)...20 {
            let hash = try run(seed, "first")
            #expect(try run(seed, "a second folder") == hash, "Seed \(seed).")
            hashes.insert(hash)
        }
        #expect(hashes.count == 20)
    }
}
