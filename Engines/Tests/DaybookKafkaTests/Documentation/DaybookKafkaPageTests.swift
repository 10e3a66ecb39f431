import Daybook
import DaybookCore
import DaybookKafka
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares them with the article.

private enum AccountEvent: DomainEvent {
    case opened
}

@Suite("The page of the Kafka module")
struct DaybookKafkaPageTests {
    @Test("has samples that compile", .timeLimit(.minutes(1)))
    func runs() async throws {
        let store = InMemoryEventStore()
        let sending = Task { try await Self.send(store) }
        sending.cancel()
        _ = await sending.result
        let taking = Task { try await Self.take(store) { _ in } }
        taking.cancel()
        _ = await taking.result
    }

    private static func send(_ store: InMemoryEventStore) async throws {
        // sample: target
        let bus = try KafkaTarget(.init(servers: "localhost:9092", topic: "accounts"))
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
        let source = try KafkaSource(.init(servers: "localhost:9092", group: "ledger", topics: ["payments"]))
        let receiver = EventReceiver("payments", from: source, in: store)
        try await receiver.run { event in try await handle(event) }
        // end of sample
    }
}
