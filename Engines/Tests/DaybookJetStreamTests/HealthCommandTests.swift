import DaybookCore
import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite("daybook health on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped), .timeLimit(.minutes(5)))
struct HealthCommandTests {
    @Test("tells how far each consumer is behind, without the figures of a file, and makes no store")
    func health() async throws {
        let program = try BuiltProgram("daybook")
        try await TestCluster.withStore { store in
            let address = try TestCluster.address(store.subjects.store)
            for number in 0..<30 {
                try await store.append([NewEvent(type: "Counted", data: [])], to: StreamName(unchecked: "s-\(number)"))
            }
            try await store.save(Checkpoint(after: 10), for: "reader")
            let well = try await program.run("health", address)
            #expect(well.status == 0 && well.output.contains("Healthy: head 30.\n"), "\(well)")
            #expect(well.output.contains("checkpoint  reader"))
            let behind = try await program.run("health", address, "--max-behind", "19", "--json")
            #expect(behind.status == 3 && behind.errors.contains("checkpoint 'reader': It is 20 positions behind"))
            #expect(behind.output.contains(#""eventsBehind":20"#) && !behind.output.contains(#""file""#), "\(behind)")
            let metrics = try await program.run("health", address, "--metrics")
            #expect(metrics.status == 0 && metrics.output.contains("daybook_head_position{store=\"\(address)\"} 30"))
            #expect(!metrics.output.contains("wal_bytes"), "\(metrics)")
        }
        let missing = try await program.run("health", try TestCluster.address(TestCluster.newName()))
        #expect(missing.status == 66 && missing.errors.contains("no JetStream stream"), "\(missing.errors)")
    }
}
