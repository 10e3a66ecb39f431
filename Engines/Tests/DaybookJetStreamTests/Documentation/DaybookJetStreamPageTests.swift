import DaybookJetStream
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares it with the article.

@Suite("The page of the JetStream module")
struct DaybookJetStreamPageTests {
    @Test("has samples that compile")
    func compiles() {
        let samples: [@Sendable () async throws -> Void] = [Self.connect, Self.connectByAddress]
        _ = samples
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

    private static func connectByAddress() async throws {
        // sample: address
        let address = try JetStreamAddress("jetstream://n1:4222,n2:4222,n3:4222/orders?mark=/var/lib/app/orders.mark")
        let store = try await JetStreamEventStore.connect(to: address)
        // end of sample
        await store.close()
    }
}
