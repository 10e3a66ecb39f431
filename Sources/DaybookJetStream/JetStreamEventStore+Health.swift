#if JetStream
import DaybookCore

extension JetStreamEventStore: HealthReporting {
    /// Tells of the servers that keep the log, too: one that is offline, or whose replica is not current.
    ///
    /// How far consumers are behind counts positions, of which tags and receipts have some.
    public func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        let saved: SavedPositions
        do { saved = try await savedPositions() } catch { throw ReadError(error) }
        var health = try await saved.health(of: self, policy, at: configuration.time.now)
        health.problems += try await problemsOfServers()
        return health
    }

    private func savedPositions() async throws(DerivedStateError) -> SavedPositions {
        guard try await hasBucket() else { return SavedPositions() }
        try await openBucket()
        return SavedPositions(checkpoints: try await checkpoints(), readModels: try await modelCheckpoints())
    }

    /// A replica may be behind for a moment while much is appended: what is told was so each time.
    private func problemsOfServers() async throws(ReadError) -> [String] {
        var problems: [String] = []
        for look in 1...Self.looks {
            problems = try await logCluster()?.problems ?? []
            guard !problems.isEmpty, look < Self.looks else { break }
            do { try await Task.sleep(for: .milliseconds(100)) } catch { throw .cancelled }
        }
        return problems
    }

    private static var looks: Int { 5 }

    private struct LogInfo: Decodable, Sendable {
        struct Config: Decodable, Sendable { var numReplicas: Int }
        var config: Config
        var cluster: LogCluster?
    }

    /// Nil when the answer tells of no servers. A server that is part of no cluster names itself as the leader.
    func logCluster() async throws(ReadError) -> LogCluster? {
        let info: LogInfo = try await patiently { () async throws(ConnectionFailure) in
            try await connection.api("STREAM.INFO.\(subjects.stream)", timeout: configuration.requestTimeout)
        }
        var cluster = info.cluster
        cluster?.wanted = info.config.numReplicas
        return cluster
    }
}
#endif
