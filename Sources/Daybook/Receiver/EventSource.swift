/// Where an ``EventReceiver`` gets events from: a topic, a stream of records, a webhook.
///
/// A source delivers at least once: what was given and not taken comes again, also after a restart.
public protocol EventSource: Sendable {
    /// Gives what arrives to `take`, until the task is cancelled.
    ///
    /// Each call has what stands next in one lane (a partition, a shard, a request), in order. Lanes run at once, calls for
    /// one lane one after the other. When `take` returns, the source notes for good that all of the batch is dealt with,
    /// and never before. When it throws, nothing of the batch is noted and nothing behind it in its lane is given: the
    /// source ends, or gives the same batch again later.
    ///
    /// - Throws: When the source can give no more, and waiting does not help.
    func run(_ take: @escaping @Sendable (ReceivedBatch) async throws -> Void) async throws
}
