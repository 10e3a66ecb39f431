import DaybookJetStream
import Testing

// The sample of the module's page stands here between marks; `scripts/check-samples` compares it with the article.

@Suite("The page of the JetStream module")
struct DaybookJetStreamPageTests {
    @Test("has a sample that compiles")
    func compiles() {
        let connecting: @Sendable () async throws -> Void = Self.connect
        _ = connecting
    }

    private static func connect() async throws {
        // sample: connect
        var configuration = JetStreamEventStore.Configuration()  // 3 replicas that sync before they acknowledge
        configuration.monitoringURLs = ["http://n1:8222", "http://n2:8222", "http://n3:8222"]
        configuration.highWaterMarkFile = "/var/lib/app/orders.mark"
        let store = try await JetStreamEventStore.connect(
            "nats://n1:4222,nats://n2:4222,nats://n3:4222", store: "orders", configuration: configuration)
        print(store.durability)
        // end of sample
        await store.close()
    }
}
