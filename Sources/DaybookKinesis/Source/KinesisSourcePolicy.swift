#if Kinesis
import DaybookCore

/// How a ``KinesisSource`` reads.
public struct KinesisSourcePolicy: Sendable, Hashable {
    /// Where a shard begins that has no checkpoint; nil for the oldest record that Kinesis keeps. What the first start says is
    /// kept with the checkpoints, and what later ones say does not count.
    public let startingAt: Timestamp?
    /// The records of one batch; 1 to 10 000.
    public let recordsPerBatch: Int
    /// The time between two readings of one shard. Kinesis takes five a second of each, from all readers together.
    public let pollInterval: Duration
    /// How often to look for new shards.
    public let shardInterval: Duration
    /// How long to wait after Kinesis had no room, or did not answer; each further wait is twice as long.
    public let backoff: Duration
    /// The longest wait.
    public let backoffCeiling: Duration

    /// Values outside the bounds are moved to the nearest bound.
    public init(
        startingAt: Timestamp? = nil, recordsPerBatch: Int = 1000, pollInterval: Duration = .milliseconds(250),
        shardInterval: Duration = .seconds(30), backoff: Duration = .milliseconds(500),
        backoffCeiling: Duration = .seconds(30)
    ) {
        self.startingAt = startingAt
        self.recordsPerBatch = min(max(1, recordsPerBatch), 10_000)
        self.pollInterval = max(.zero, pollInterval)
        self.shardInterval = max(.milliseconds(1), shardInterval)
        self.backoff = max(.zero, backoff)
        self.backoffCeiling = max(.zero, backoffCeiling)
    }

    func wait(after failures: Int) -> Duration {
        var wait = min(backoff, backoffCeiling)
        var doubled = 1
        while doubled < failures && wait > .zero && wait < backoffCeiling {
            wait = min(backoffCeiling, wait + wait)
            doubled += 1
        }
        return wait
    }
}
#endif
