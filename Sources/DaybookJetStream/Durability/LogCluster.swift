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
    /// How many there are to be, which stands elsewhere in their answer.
    var wanted: Int?

    /// What is wrong, in words.
    var problems: [String] {
        guard let leader, !leader.isEmpty else {
            return ["The servers that keep the log have no leader: appends wait until they have elected one."]
        }
        let count = 1 + (replicas?.count ?? 0)
        var missing: [String] = []
        if let wanted, count < wanted {
            missing.append(
                "\(count) of the \(wanted) servers that are to keep the log are left: add a server, so that another one takes "
                    + "the place of what was removed.")
        }
        let others = (replicas ?? []).compactMap { replica -> String? in
            if replica.offline == true {
                return "The server '\(replica.name)', which keeps a replica of the log, is offline: start it again."
            }
            guard replica.current == false else { return nil }
            let lag = replica.lag.map { $0 > 0 ? ", \($0) operations behind the leader" : "" } ?? ""
            return
                "The server '\(replica.name)' keeps a replica of the log that is not current\(lag): look at its disk, "
                + "and at its connection to the others."
        }
        return missing + others
    }
}
#endif
