#if Kafka
extension KafkaSource {
    /// Where a group begins in a partition in which it has no offset, or one that does not exist any more.
    public enum Start: Sendable, Equatable {
        /// At the oldest record.
        case earliest
        /// Behind the newest record: what was written before is never given.
        case latest
        /// Nowhere: the source ends with ``KafkaError/offsetMissing(lane:code:reason:)``. For a group that has begun, so that
        /// records that the topic's retention removed before they were given do not go unnoticed.
        case committed
    }

    public struct Configuration: Sendable {
        /// Brokers to begin with: `host:port`, separated by commas.
        public var servers: String
        /// Its members share the partitions; its offsets are where it goes on after a restart.
        public var group: String
        /// One that begins with `^` is a regular expression.
        public var topics: [String]
        public var start: Start
        /// Whether records of transactions that are not committed, or were aborted, are given as well.
        public var readsUncommitted: Bool
        /// How many records a batch has at most.
        public var batch: Int
        /// How long to wait for a handler when its partition goes to another member; in all for all partitions.
        public var patienceAtRevocation: Duration
        /// How long to wait before a batch that was not taken is given again: first, and at most. It doubles in between.
        public var retries: ClosedRange<Duration>
        /// Further settings of librdkafka, such as `security.protocol`; those that Daybook's promises depend on are refused.
        public var settings: [String: String]
        /// Told what goes wrong meanwhile; from a thread of the client, so return soon.
        public var report: @Sendable (KafkaError) -> Void

        public init(
            servers: String, group: String, topics: [String], startingAt start: Start = .earliest,
            readsUncommitted: Bool = false, batch: Int = 500, patienceAtRevocation: Duration = .seconds(10),
            retries: ClosedRange<Duration> = .milliseconds(100)...(.seconds(30)), settings: [String: String] = [:],
            report: @escaping @Sendable (KafkaError) -> Void = { _ in }
        ) {
            self.servers = servers
            self.group = group
            self.topics = topics
            self.start = start
            self.readsUncommitted = readsUncommitted
            self.batch = batch
            self.patienceAtRevocation = patienceAtRevocation
            self.retries = retries
            self.settings = settings
            self.report = report
        }
    }
}

/// Their description names the settings, and shows no value: there are passwords among them.
extension KafkaSource.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "Kafka at \(servers), group \(group), topics \(topics), settings \(settings.keys.sorted())"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

extension KafkaSource.Configuration {
    func clientSettings() throws(KafkaError) -> ClientSettings {
        let reset =
            switch start {
            case .earliest: "earliest"
            case .latest: "latest"
            case .committed: "error"
            }
        let commits = "offsets are committed when a batch was taken, and never before."
        return try ClientSettings(
            user: settings,
            own: [
                "bootstrap.servers": servers, "group.id": group, "enable.auto.commit": "false",
                "enable.auto.offset.store": "false", "auto.offset.reset": reset,
                "isolation.level": readsUncommitted ? "read_uncommitted" : "read_committed",
            ],
            // The client does not look at checksums by itself, and brokers pass on what is on their disks.
            defaults: ["client.id": "daybook", "check.crcs": "true"],
            reserved: [
                "bootstrap.servers": "give the servers.", "metadata.broker.list": "give the servers.",
                "group.id": "give the group.", "auto.offset.reset": "give the start.",
                "isolation.level": "give 'readsUncommitted'.", "enable.auto.commit": commits,
                "auto.commit.enable": commits, "enable.auto.offset.store": commits,
            ])
    }
}
#endif
