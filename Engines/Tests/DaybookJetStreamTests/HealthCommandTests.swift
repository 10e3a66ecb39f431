import StoreTrials
import Testing

@testable import DaybookJetStream

@Suite("daybook health on JetStream", .enabled(if: TestCluster.isThere, TestCluster.skipped), .timeLimit(.minutes(5)))
struct HealthCommandTests {
    @Test("tells how far each consumer is behind, without the figures of a file, and makes no store")
    func health() async throws {
        try await TestCluster.withStore { store in
            let address = try TestCluster.address(store.subjects.store)
            let metrics = try await HealthTrial.run(on: store, at: address)
            #expect(metrics.contains("daybook_head_position{store=\"\(address)\"} 30"), "\(metrics)")
        }
        let program = try BuiltProgram("daybook")
        let missing = try await program.run("health", try TestCluster.address(TestCluster.newName()))
        #expect(missing.status == 66 && missing.errors.contains("no JetStream stream"), "\(missing.errors)")
    }
}
