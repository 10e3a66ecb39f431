import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Testing

@testable import CheckHistories

@Suite("Histories of the embedded store", .timeLimit(.minutes(5)), .serialized)
struct SQLiteHistoryTests {
    @Test("have an order that explains every answer", arguments: TestSeeds.first(5))
    func linearizable(seed: UInt64) async throws {
        var configuration = SQLiteEventStore.Configuration()
        // Small for odd seeds, so that the index moves all the time under the readers.
        if seed % 2 == 1 { configuration.indexEntriesInMemory = 50 }
        let store = try await SQLiteEventStore.temporary(configuration: configuration)
        let history = try await HistoryWorkload(seed: seed, operations: 3_000).run(on: store)
        await store.close()
        let check = history.check()
        #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
        #expect(check.commitCount > 300 && check.operationCount >= 3_000)
        guard seed == 1 else { return }
        #expect(HistoryCanary(history).missed(seed: seed).isEmpty)
    }

    @Test("have one across kills, too")
    func kills() async throws {
        let seed = TestSeeds.fromEnvironment ?? 1
        let run = KilledRun(worker: try Self.worker(), files: try HistoryFolder(), seed: seed)
        for kill in 1...20 { try await run.live(number: kill) }
        let history = try await run.finish()
        #expect(history.openings.count > 10, "Some kills come while the file is being opened, and most do not.")
        let check = history.check()
        #expect(check.violations.isEmpty, "seed \(seed), \(check.violations.count): \(check.violations.prefix(3))")
        #expect(check.unknownWritten > 0 && check.unknownWritten < check.unknownCount)
        #expect(HistoryCanary(history).missed(seed: seed).isEmpty)
    }

    private struct NotBuilt: Error {}

    /// The program that is killed, which lies beside the test bundle.
    private static func worker() throws -> URL {
        var folder = Bundle.main.bundleURL
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("CheckHistories")
            if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        throw NotBuilt()
    }
}
