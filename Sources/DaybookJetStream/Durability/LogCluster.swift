#if JetStream
/// What the servers say of those that keep a JetStream stream.
struct LogCluster: Decodable, Sendable {
    struct Replica: Decodable, Sendable {
        /// The server's.
        var name: String
        var current: Bool?
        var offline: Bool?
        /// How many operations it is behind the leader.
        var lag: UInt64?
    }

    var leader: String?
    /// All but the leader.
    var replicas: [Replica]?

    /// What is wrong, in words.
    var problems: [String] {
        guard let leader, !leader.isEmpty else {
            return ["The servers that keep the log have no leader: appends wait until they have elected one."]
        }
        return (replicas ?? []).compactMap { replica -> String? in
            if replica.offline == true {
                return "The server '\(replica.name)', which keeps a replica of the log, is offline: start it again."
            }
            guard replica.current == false else { return nil }
            let lag = replica.lag.map { $0 > 0 ? ", \($0) operations behind the leader" : "" } ?? ""
            return
                "The server '\(replica.name)' keeps a replica of the log that is not current\(lag): look at its disk, "
                + "and at its connection to the others."
        }
    }
}
#endif
