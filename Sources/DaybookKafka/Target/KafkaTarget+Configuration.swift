#if Kafka
import Daybook

extension KafkaTarget {
    public enum Delivery: Sendable, Equatable {
        /// Each record once while one producer lives, in order for each stream, retried by Kafka's client for as long as it
        /// takes. After a crash, or when a producer had to be made anew, records that had no answer may come twice.
        case idempotent
        /// One transaction for the calls that wait together: readers with `isolation.level=read_committed` see all of it or
        /// none. A second target with the same identifier fences the first at its first `send`, after which nothing more of
        /// the first becomes visible; so let no two that are meant to run at once share one.
        case transactional(_ id: String)
    }

    public struct Configuration: Sendable {
        /// Brokers to begin with: `host:port`, separated by commas.
        public var servers: String
        /// The topic of each event. Events of one stream for different topics are in order only within each topic.
        public var topic: @Sendable (CloudEvent) -> String
        public var form: KafkaForm
        public var delivery: Delivery
        /// Further settings of librdkafka, such as `security.protocol`; those that order and durability depend on are refused.
        public var settings: [String: String]
        /// How long a `send` waits for brokers and for the topic before anything is sent, until it answers that they are not
        /// there; for a topic that was waited for in vain, it does not wait again. Once the topic is known, Kafka's client
        /// waits for its brokers without bound.
        public var patience: Duration
        /// Told what goes wrong meanwhile, such as brokers that are away; from a thread of the client, so return soon.
        public var report: @Sendable (KafkaError) -> Void

        public init(
            servers: String, topic: @escaping @Sendable (CloudEvent) -> String, form: KafkaForm = .binary,
            delivery: Delivery = .idempotent, settings: [String: String] = [:], patience: Duration = .seconds(30),
            report: @escaping @Sendable (KafkaError) -> Void = { _ in }
        ) {
            self.servers = servers
            self.topic = topic
            self.form = form
            self.delivery = delivery
            self.settings = settings
            self.patience = patience
            self.report = report
        }

        /// All events go to one topic.
        public init(
            servers: String, topic: String, form: KafkaForm = .binary, delivery: Delivery = .idempotent,
            settings: [String: String] = [:], patience: Duration = .seconds(30),
            report: @escaping @Sendable (KafkaError) -> Void = { _ in }
        ) {
            self.init(
                servers: servers, topic: { _ in topic }, form: form, delivery: delivery, settings: settings,
                patience: patience, report: report)
        }
    }
}

/// Their description names the settings, and shows no value: there are passwords among them.
extension KafkaTarget.Configuration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String {
        "Kafka at \(servers), \(form), \(delivery), settings \(settings.keys.sorted())"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}

extension KafkaTarget.Configuration {
    /// Partitioners by which a key always has the same partition.
    private static let partitioners: Set = [
        "consistent", "consistent_random", "murmur2", "murmur2_random", "fnv1a", "fnv1a_random",
    ]

    func clientSettings() throws(KafkaError) -> ClientSettings {
        if let partitioner = settings["partitioner"], !Self.partitioners.contains(partitioner) {
            let names = Self.partitioners.sorted().joined(separator: ", ")
            throw .reservedSetting(
                name: "partitioner", advice: "a stream must always go to the same partition: use one of \(names).")
        }
        var own = [
            "bootstrap.servers": servers, "enable.idempotence": "true", "acks": "all", "queuing.strategy": "fifo",
            "delivery.report.only.error": "false",
        ]
        let keepsOrder = "Daybook sets it, since order and durability depend on it."
        var reserved = [
            "metadata.broker.list": "give the servers.", "bootstrap.servers": "give the servers.",
            "request.required.acks": keepsOrder, "retries": keepsOrder, "message.send.max.retries": keepsOrder,
            "message.timeout.ms": keepsOrder, "delivery.timeout.ms": keepsOrder, "enable.gapless.guarantee": keepsOrder,
            "transactional.id": "give it as the delivery.",
        ]
        switch delivery {
        case .idempotent:
            // No record is ever given up, so that none is left out before others of its stream; and when a broker refuses one
            // for good, the client stops rather than send what stands behind it.
            own["message.timeout.ms"] = "0"
            own["enable.gapless.guarantee"] = "true"
            reserved["transaction.timeout.ms"] = "it belongs to the transactional delivery."
        case .transactional(let id): own["transactional.id"] = id
        }
        let client = try ClientSettings(
            user: settings, own: own,
            // The hash of Kafka's other clients, so that a key has the same partition whoever sends.
            defaults: [
                "partitioner": "murmur2_random", "linger.ms": "1", "client.id": "daybook",
                // A first request that is refused for a moment must not be overtaken: Kafka would take the second one as the
                // beginning, and the first one, when it comes again, for one that it had before.
                "max.in.flight.requests.per.connection": "1",
            ], reserved: reserved)
        let (queue, record) = ("queue.buffering.max.kbytes", "message.max.bytes")
        if let kilobytes = try client.value(queue).flatMap({ Int($0) }),
            let bytes = try client.value(record).flatMap({ Int($0) }), kilobytes * 1024 < bytes
        {
            // A record for which the empty queue has no room would wait for ever.
            throw .unusableSettings(reason: "'\(queue)' has no room for a record of '\(record)'.")
        }
        return client
    }
}
#endif
