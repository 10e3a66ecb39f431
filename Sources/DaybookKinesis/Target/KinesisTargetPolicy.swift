#if Kinesis
/// How a ``KinesisTarget`` sends.
public struct KinesisTargetPolicy: Sendable, Hashable {
    public let form: KinesisForm
    /// The requests under way at once, in one call of the publisher; 1 to 64.
    public let requests: Int
    /// The records of one request; 1 to 500, which is what Kinesis takes.
    public let recordsPerRequest: Int
    /// The records of one request in bytes, with their partition keys; at most 5 MiB, which is what every stream takes.
    public let requestBytes: Int
    /// One record in bytes, with its partition key; 1 MiB unless the stream was set to take more. An event that is larger is
    /// refused, and parks its stream.
    public let recordBytes: Int
    /// How often a record that Kinesis has no room for is sent before the publisher is told, and waits longer; at least 1.
    public let attempts: Int
    /// How long to wait before the second attempt; each further wait is twice as long. Up to half of it is left to chance.
    public let backoff: Duration
    /// The longest wait between two attempts.
    public let backoffCeiling: Duration

    /// Values outside the bounds are moved to the nearest bound.
    public init(
        form: KinesisForm = .structured, requests: Int = 4, recordsPerRequest: Int = 500, requestBytes: Int = 5 << 20,
        recordBytes: Int = 1 << 20, attempts: Int = 4, backoff: Duration = .milliseconds(100),
        backoffCeiling: Duration = .seconds(5)
    ) {
        self.form = form
        self.requests = min(max(1, requests), 64)
        self.recordsPerRequest = min(max(1, recordsPerRequest), 500)
        self.requestBytes = min(max(1 << 10, requestBytes), 5 << 20)
        self.recordBytes = min(max(1, recordBytes), 10 << 20)
        self.attempts = max(1, attempts)
        self.backoff = max(.zero, backoff)
        self.backoffCeiling = max(.zero, backoffCeiling)
    }

    /// The wait after so many attempts, from 1, without what is left to chance.
    func wait(after attempts: Int) -> Duration {
        var wait = min(backoff, backoffCeiling)
        var doubled = 1
        while doubled < attempts && wait > .zero && wait < backoffCeiling {
            wait = min(backoffCeiling, wait + wait)
            doubled += 1
        }
        return wait
    }
}
#endif
