import DaybookPostgres
import StoreTrials
import Testing

@Suite("daybook health on PostgreSQL", .enabled(if: Server.isGiven, Server.hint), .timeLimit(.minutes(5)))
struct HealthCommandTests {
    @Test("tells how far each consumer is behind, without the figures of a file, and no password")
    func health() async throws {
        try await Server.withDatabase { address in
            let store = try await PostgresEventStore.open(address)
            let secret = address.replacing("://daybook@", with: "://daybook:secret@")
            let metrics = try await HealthTrial.run(on: store, at: address, measured: secret)
            #expect(metrics.contains("daybook_head_position{store=\"postgres"), "\(metrics)")
            #expect(!metrics.contains("secret"), "\(metrics)")
            await store.close()
        }
    }
}
