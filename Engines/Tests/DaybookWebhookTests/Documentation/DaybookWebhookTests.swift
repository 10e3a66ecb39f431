import Daybook
import DaybookCore
import DaybookWebhook
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The page of the webhook module")
struct DaybookWebhookTests {
    @Test("has samples that compile and run", .timeLimit(.minutes(1)))
    func runs() async throws {
        let secretText = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        // sample: target
        let secret = try WebhookSecret(secretText)
        let target = try WebhookTarget("https://example.com/events", secrets: [secret])
        // end of sample
        _ = target as any BatchPublisherTarget
        let running = Task { try await Self.receive(secret, InMemoryEventStore()) }
        running.cancel()
        _ = await running.result
    }

    private static func receive(_ secret: WebhookSecret, _ store: InMemoryEventStore) async throws {
        // sample: source
        let source = try WebhookSource(
            port: 8080, path: "/events", secrets: [secret], policy: WebhookSourcePolicy(connections: 100))
        let receiver = EventReceiver("payments", from: source, in: store)
        try await receiver.run(into: store) { event in
            Placement(stream: try StreamName("payment-\(event.orderingKey)"), event: NewEvent(received: event))
        }
        // end of sample
    }
}
