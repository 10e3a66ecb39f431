import Daybook
import DaybookCore
import DaybookKinesis
import Testing

// The samples of the module's page stand here between marks; `scripts/check-samples` compares them with the article.

@Suite("The page of the Kinesis module")
struct DaybookKinesisTests {
    @Test("has samples that compile", .timeLimit(.minutes(1)))
    func runs() async throws {
        // sample: target
        let stream = try KinesisStream("orders", region: "eu-central-1", credentials: AWSEnvironmentCredentials())
        let target = KinesisTarget(stream, policy: KinesisTargetPolicy(form: .batches()))
        // end of sample
        _ = target as any BatchPublisherTarget
        let running = Task { try await Self.receive(stream, InMemoryEventStore()) { _ in } }
        running.cancel()
        _ = await running.result
    }

    private static func receive(
        _ stream: KinesisStream, _ store: InMemoryEventStore,
        _ handle: @escaping @Sendable (CloudEvent) async throws -> Void
    ) async throws {
        // sample: source
        let source = KinesisSource(stream, checkpoints: "orders from kinesis", in: store)
        try await source.run { batch in
            for message in batch.messages { try await handle(message.content.get()) }
        }
        // end of sample
    }
}
