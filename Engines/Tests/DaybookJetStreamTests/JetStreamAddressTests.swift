import Testing

@testable import DaybookJetStream

@Suite("The address of a store on JetStream")
struct JetStreamAddressTests {
    @Test("names servers, a store, and what the cluster must give")
    func reads() throws {
        let plain = try JetStreamAddress("jetstream://n1:4222,n2,n3:4223/orders")
        #expect(plain.servers == "nats://n1:4222,nats://n2,nats://n3:4223")
        #expect(plain.store == "orders")
        #expect(plain.configuration.durability == .standard)
        #expect(plain.configuration.monitoringURLs == ["http://n1:8222", "http://n2:8222", "http://n3:8222"])
        let full = try JetStreamAddress(
            "jetstream://app:s:cret@n1/orders?replicas=1&sync=any&credentials=/a&ca=/b&mark=/c")
        #expect(full.servers == "nats://n1")
        #expect(full.configuration.user == "app" && full.configuration.password == "s:cret")
        #expect(full.configuration.durability == .init(replicas: 1, syncsAlways: false))
        #expect(full.configuration.monitoringURLs.isEmpty)
        #expect(full.configuration.credentialsFile == "/a" && full.configuration.certificateAuthorityFile == "/b")
        #expect(full.configuration.highWaterMarkFile == "/c")
        #expect(full.description == "jetstream://app:…@n1/orders?replicas=1&sync=any&credentials=/a&ca=/b&mark=/c")
        let monitored = try JetStreamAddress("jetstream://n1/orders?monitors=m1:1,http://m2:2")
        #expect(monitored.configuration.monitoringURLs == ["http://m1:1", "http://m2:2"])
    }

    @Test(
        "is refused with what is wrong",
        arguments: [
            "nats://n1/orders", "jetstream://n1", "jetstream://n1/", "jetstream://n1/a/b", "jetstream://n1,/orders",
            "jetstream:///orders", "jetstream://n1/orders?replicas=0", "jetstream://n1/orders?sync=no",
            "jetstream://n1/orders?colour=red", "jetstream://n1/orders?replicas",
        ])
    func refuses(_ text: String) {
        #expect(throws: JetStreamStoreError.self) { try JetStreamAddress(text) }
    }
}
