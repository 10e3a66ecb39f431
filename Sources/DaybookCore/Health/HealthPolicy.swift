/// How far behind a consumer may be, and what else a healthy store keeps within.
public struct HealthPolicy: Sendable, Equatable {
    /// Events between a consumer's saved position and the head of the log. Consumers save their position every 10,000
    /// positions, or some seconds, while only events go by that they do not want: a bound below 10,000 raises false alarms.
    public var maxEventsBehind: Int64
    /// How old the first event behind a consumer's saved position may be; nil: as old as it likes, which is right for
    /// consumers that want few of the events. It may be one that the consumer does not want.
    public var maxTimeBehind: Duration?
    /// Parked events and keys of a consumer.
    public var maxParked: Int
    /// Bytes of the write-ahead log of a store in a file. Normally it is 64 MB or less; it grows under a backup or a stuck
    /// reader.
    public var maxWALBytes: Int64
    /// Consumers that are not judged, by name: versions of read models that nobody runs any more.
    public var ignoredConsumers: Set<String>

    public init(
        maxEventsBehind: Int64 = 50_000, maxTimeBehind: Duration? = nil, maxParked: Int = 0,
        maxWALBytes: Int64 = 1 << 30, ignoredConsumers: Set<String> = []
    ) {
        self.maxEventsBehind = maxEventsBehind
        self.maxTimeBehind = maxTimeBehind
        self.maxParked = maxParked
        self.maxWALBytes = maxWALBytes
        self.ignoredConsumers = ignoredConsumers
    }
}
