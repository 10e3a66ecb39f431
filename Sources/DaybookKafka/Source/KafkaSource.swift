#if Kafka
import Daybook

/// Gives the records of Kafka topics, as a member of a consumer group.
///
/// ```swift
/// let source = KafkaSource(.init(servers: "localhost:9092", group: "ledger", topics: ["payments"]))
/// try await source.run { batch in try await handle(batch.messages) }
/// ```
///
/// A lane is a partition, `payments/3`; an origin has its offset behind, and when the record was written, in milliseconds since 1970,
/// `payments/3@1207/1767323045000`. Cloud events are read in the binary and in the structured form; what is neither is given too, as
/// ``InvalidCloudEvent``.
///
/// Offsets are committed when a batch was taken, soon behind it: what was taken and not committed comes again after a crash. When a
/// handler throws, it is given the same batch again after a wait, and other partitions go on. A slow handler costs no membership, since
/// the client is polled meanwhile; what is fetched ahead is bounded by librdkafka's `queued.max.messages.kbytes`, 64 MiB for each
/// partition by default.
///
/// When partitions go to another member, what was fetched of them and not yet given is forgotten, the running batch is waited for
/// within ``Configuration/patienceAtRevocation``, and its offset is committed while the partition is still ours.
public struct KafkaSource: EventSource {
    private let configuration: Configuration

    /// - Throws: ``KafkaError``, for settings that cannot be taken.
    public init(_ configuration: Configuration) throws(KafkaError) {
        self.configuration = configuration
        guard !configuration.topics.isEmpty else { throw .unusableSettings(reason: "No topics were given.") }
        guard configuration.batch > 0 else { throw .unusableSettings(reason: "A batch has at least one record.") }
        try configuration.clientSettings().check()
    }

    /// - Throws: ``KafkaError``, when the client cannot go on, or the brokers do not allow it to read the topic or the group.
    public func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws {
        let consumer = try Consumer(configuration)
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for await job in consumer.jobs {
                    group.addTask { await job.run(take, retries: configuration.retries, report: configuration.report) }
                }
                group.cancelAll()
            }
            await consumer.close()
        } onCancel: {
            consumer.stop(nil)
        }
        if let failure = consumer.failure { throw failure }
    }
}
#endif
