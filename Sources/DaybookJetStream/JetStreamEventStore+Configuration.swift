#if JetStream
import DaybookCore

extension JetStreamEventStore {
    public struct Configuration: Sendable {
        /// What the cluster must give.
        public var durability: JetStreamDurability.Requirement
        /// Whether a missing JetStream stream is made, with as many replicas as are asked for.
        public var createsStream = true
        /// The monitoring addresses of all servers, as `http://n1:8222`: the only place where a server tells whether it
        /// syncs before it acknowledges.
        public var monitoringURLs: [String] = []
        /// A file in which this process notes the last position that it was acknowledged, so that it can tell when the
        /// cluster has lost it. Nil: none, and only a loss while connected is noticed.
        public var highWaterMarkFile: String?
        /// How long one request waits for its answer before it is sent again.
        public var requestTimeout: Duration = .seconds(2)
        /// How long an append goes on trying while the cluster has no leader.
        public var appendPatience: Duration = .seconds(30)
        /// How long a read does.
        public var readPatience: Duration = .seconds(30)
        /// Of how many streams the last event is remembered, so that an append need not ask for it.
        public var cachedStreams = 20_000
        public var user: String?
        public var password: String?
        public var token: String?
        /// A file with a user's JWT and seed.
        public var credentialsFile: String?
        /// A file with the certificate authorities of the servers, in PEM; turns TLS on.
        public var certificateAuthorityFile: String?
        /// Where the time of a reader comes from, by which a greatest age hides events.
        public var time: TimeSource = .system

        /// Of how many shards the store is one; nil for a store that is whole.
        var shards: Int?

        public init(durability: JetStreamDurability.Requirement = .standard) { self.durability = durability }
    }
}
#endif
