import Daybook
import DaybookCore
import DaybookJetStream
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares them with the article.

private enum AccountEvent: DomainEvent {
    case opened
}

@Suite("The page of the JetStream module")
struct DaybookJetStreamPageTests {
    @Test("has samples that compile", .timeLimit(.minutes(1)))
    func compiles() async throws {
        let connecting: [@Sendable () async throws -> Void] = [Self.connect, Self.connectByAddress]
        _ = connecting
        let store = InMemoryEventStore()
        let sending = Task { try await Self.send(store) }
        sending.cancel()
        _ = await sending.result
        let taking = Task { try await Self.take(store) { _ in } }
        taking.cancel()
        _ = await taking.result
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

    private static func send(_ store: InMemoryEventStore) async throws {
        // sample: target
        let accounts = try JetStreamSubjects(prefix: "accounts", partitions: 8)
        let bus = try JetStreamTarget(
            .init(
                servers: "nats://n1:4222,nats://n2:4222,nats://n3:4222", stream: "ACCOUNTS", subjects: accounts,
                creation: .init(replicas: 3)))
        let publisher = try EventPublisher(
            "warehouse", of: store, PublishedEvents(AccountEvent.self, source: "/shop"), in: store, to: bus)
        try await publisher.run()
        await bus.close()
        // end of sample
    }

    private static func take(
        _ store: InMemoryEventStore, _ handle: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws {
        // sample: source
        let payments = try JetStreamSubjects(prefix: "payments", partitions: 8)
        let source = try JetStreamSource(
            .init(servers: "nats://n1:4222,nats://n2:4222", stream: "PAYMENTS", group: "ledger", subjects: payments))
        let receiver = EventReceiver("payments", from: source, in: store)
        try await receiver.run { event in try await handle(event) }
        // end of sample
    }
}
