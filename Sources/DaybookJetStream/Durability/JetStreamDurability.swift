#if JetStream
/// What the cluster really gives, read when connecting.
public struct JetStreamDurability: Sendable, Hashable, CustomStringConvertible {
    /// How many servers keep the log. An acknowledged append is on a majority of them.
    public var replicas: Int
    /// Whether each of them has it on disk, and not only in memory, when an append is acknowledged (`sync_interval:
    /// always`). Nil when one of them was not asked, or did not answer: see
    /// ``JetStreamEventStore/Configuration/monitoringURLs``.
    public var syncsAlways: Bool?
    /// The version of the server that answered, as `2.15.1`.
    public var serverVersion: String
    /// The monitoring addresses that did not answer, as those of servers that are down.
    public var silentMonitors: [String]

    public init(replicas: Int, syncsAlways: Bool?, serverVersion: String, silentMonitors: [String] = []) {
        self.replicas = replicas
        self.syncsAlways = syncsAlways
        self.serverVersion = serverVersion
        self.silentMonitors = silentMonitors
    }

    public var description: String {
        let sync =
            switch syncsAlways {
            case true?: "synced to disk before each acknowledgement"
            case false?: "synced to disk some time after the acknowledgement"
            case nil: "when it is synced to disk is not known"
            }
        return "\(replicas) \(replicas == 1 ? "replica" : "replicas"), \(sync), server \(serverVersion)"
    }

    /// What an application asks for; a cluster that gives less is refused.
    public struct Requirement: Sendable, Hashable {
        /// At least so many replicas: 1 to 5.
        public var replicas: Int
        /// Whether every server must sync before it acknowledges.
        public var syncsAlways: Bool

        /// Three servers, each of which syncs before it acknowledges: what survives the loss of one server for good, and of
        /// the power of all.
        public static let standard = Requirement(replicas: 3, syncsAlways: true)

        public init(replicas: Int, syncsAlways: Bool) {
            self.replicas = replicas
            self.syncsAlways = syncsAlways
        }
    }
}
#endif
