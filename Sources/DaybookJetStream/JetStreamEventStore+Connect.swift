#if JetStream
import DaybookCore

extension JetStreamEventStore {
    /// Connects to a cluster, and opens a store on it, which is made when there is none.
    ///
    /// - Parameters:
    ///   - urls: The servers, comma-separated, as `nats://n1:4222,nats://n2:4222`.
    ///   - name: Names the log within the cluster: letters, digits, `-` and `_`.
    /// - Throws: ``JetStreamStoreError``: when the servers are older than 2.12, give less than
    ///   ``Configuration/durability`` asks for, or have lost what was acknowledged.
    public static func connect(
        _ urls: String, store name: String, configuration: Configuration = Configuration()
    ) async throws(JetStreamStoreError) -> JetStreamEventStore {
        guard (1...100).contains(name.utf8.count), name.utf8.allSatisfy(isNameByte) else { throw .invalidName(name) }
        let mark = try HighWaterMark(file: configuration.highWaterMarkFile)
        let subjects = LogSubjects(store: name)
        let servers = JetStreamServers(
            urls, user: configuration.user, password: configuration.password, token: configuration.token,
            credentialsFile: configuration.credentialsFile,
            certificateAuthorityFile: configuration.certificateAuthorityFile)
        let connection: JetStreamConnection
        do { connection = try await servers.connect(name: "daybook \(name)") } catch {
            throw .unreachable(reason: error.reason)
        }
        do throws(JetStreamStoreError) {
            let (durability, syncing) = try await openLog(subjects, on: connection, configuration: configuration)
            let store: JetStreamEventStore
            do {
                store = try JetStreamEventStore(
                    connection: connection, subjects: subjects, configuration: configuration, durability: durability,
                    highWaterMark: mark, syncing: configuration.durability.syncsAlways ? syncing : nil)
            } catch {
                throw .unreachable(reason: error.reason)
            }
            await connection.flush()
            try await store.requireAcknowledged()
            do { _ = try await store.readImportEnd() } catch { throw .unreachable(reason: error.description) }
            return store
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private struct AccountInfo: Decodable, Sendable {
        struct API: Decodable, Sendable { var level: Int? }
        var api: API
    }

    private struct StreamInfo: Decodable, Sendable {
        struct Config: Decodable, Sendable {
            struct Republish: Decodable, Sendable {
                var src: String
                var dest: String
            }
            var subjects: [String]?
            var storage: String
            var retention: String
            var discard: String
            var numReplicas: Int
            var allowDirect: Bool?
            var allowAtomic: Bool?
            var maxMsgs: Int64
            var maxBytes: Int64
            var maxAge: Int64
            var maxMsgsPerSubject: Int64
            var republish: Republish?
            var metadata: [String: String]?
        }
        var config: Config
        var cluster: LogCluster?

        /// The servers that keep the log, by name; nil as long as they have no leader, who tells of the others.
        var holders: Set<String>? {
            guard let leader = cluster?.leader, !leader.isEmpty else { return nil }
            let names = Set([leader] + (cluster?.replicas ?? []).map(\.name))
            return names.count >= config.numReplicas ? names : nil
        }
    }

    /// Finds or makes the JetStream stream, and reads what the cluster gives.
    ///
    /// - Returns: That, and the servers that say that they sync before they acknowledge, by name.
    private static func openLog(
        _ subjects: LogSubjects, on connection: JetStreamConnection, configuration: Configuration
    ) async throws(JetStreamStoreError) -> (JetStreamDurability, syncing: Set<String>) {
        let asked = configuration.durability
        var answers: [ServerMonitor.Answer] = []
        var silent: [String] = []
        for url in configuration.monitoringURLs {
            if let answer = await ServerMonitor.ask(url) { answers.append(answer) } else { silent.append(url) }
        }
        if let old = answers.first(where: { isTooOld($0.version) }) { throw .serverTooOld(version: old.version) }
        var info: StreamInfo
        do {
            let account: AccountInfo = try await patiently(configuration) { () async throws(ConnectionFailure) in
                try await connection.api("INFO", timeout: configuration.requestTimeout)
            }
            guard (account.api.level ?? 0) >= 2 else {
                throw JetStreamStoreError.serverTooOld(version: answers.first?.version ?? "before 2.12")
            }
            info = try await streamInfo(subjects, on: connection, configuration: configuration)
            // Just made, or between two leaders.
            let deadline = ContinuousClock.now + configuration.readPatience
            while asked.syncsAlways, !answers.isEmpty, info.holders == nil, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(100))
                info = try await streamInfo(subjects, on: connection, configuration: configuration)
            }
        } catch let error as JetStreamStoreError {
            throw error
        } catch {
            throw .unreachable(reason: (error as? ConnectionFailure)?.reason ?? "\(error)")
        }
        try check(info.config, subjects, shards: configuration.shards ?? 1)
        let version = info.config.metadata?["_nats.ver"] ?? answers.first?.version ?? "unknown"
        if isTooOld(version) { throw .serverTooOld(version: version) }
        let found = JetStreamDurability(
            replicas: info.config.numReplicas,
            syncsAlways: info.holders.flatMap { syncsAlways($0, answers) }, serverVersion: version,
            silentMonitors: silent)
        guard found.replicas >= asked.replicas, !asked.syncsAlways || found.syncsAlways == true else {
            throw .tooWeak(found: found, asked: asked)
        }
        let syncing = answers.filter { $0.jetstream?.config?.syncAlways == true }.compactMap(\.serverName)
        return (found, Set(syncing))
    }

    /// Whether all servers that keep the log sync before they acknowledge; nil when one was not asked, or did not answer.
    private static func syncsAlways(_ holders: Set<String>, _ answers: [ServerMonitor.Answer]) -> Bool? {
        let known = answers.filter { holders.contains($0.serverName ?? "") }
        guard known.allSatisfy({ $0.jetstream?.config?.syncAlways == true }) else { return false }
        return Set(known.map(\.serverName)).count == holders.count ? true : nil
    }

    private static func streamInfo(
        _ subjects: LogSubjects, on connection: JetStreamConnection, configuration: Configuration
    ) async throws -> StreamInfo {
        do {
            return try await patiently(configuration) { () async throws(ConnectionFailure) in
                try await connection.api("STREAM.INFO.\(subjects.stream)", timeout: configuration.requestTimeout)
            }
        } catch {
            guard case .refused(10059, _) = error else { throw error }
        }
        guard configuration.createsStream else { throw JetStreamStoreError.noStream(name: subjects.stream) }
        let json =
            "{\"name\":\"\(subjects.stream)\",\"description\":\"The log of the Daybook store '\(subjects.store)'\","
            + "\"subjects\":[\"\(subjects.all)\"],\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"new\","
            + "\"num_replicas\":\(configuration.durability.replicas),\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0,"
            + "\"max_msgs_per_subject\":-1,\"max_msg_size\":-1,\"allow_direct\":true,\"allow_atomic\":true,"
            + "\"republish\":{\"src\":\"\(subjects.events)\",\"dest\":\"\(subjects.stored)\",\"headers_only\":true},"
            + "\"metadata\":{\"daybook\":\"1\",\"daybook.shards\":\"\(configuration.shards ?? 1)\"}}"
        do {
            return try await patiently(configuration) { () async throws(ConnectionFailure) in
                try await connection.api(
                    "STREAM.CREATE.\(subjects.stream)", json, timeout: configuration.requestTimeout * 5)
            }
        } catch {
            // Made by somebody else at the same moment, or by the first try whose answer was lost.
            guard case .refused(10058, _) = error else { throw error }
            // The server that is asked may not have heard of it yet.
            return try await patiently(configuration, passing: 10059) { () async throws(ConnectionFailure) in
                try await connection.api("STREAM.INFO.\(subjects.stream)", timeout: configuration.requestTimeout)
            }
        }
    }

    private static func check(
        _ config: StreamInfo.Config, _ subjects: LogSubjects, shards: Int
    ) throws(JetStreamStoreError) {
        let faults: [(Bool, String)] = [
            (config.subjects != [subjects.all], "its subjects are not \(subjects.all)"),
            (config.storage != "file", "it is kept in memory"),
            (config.retention != "limits", "its retention is \(config.retention)"),
            (config.discard != "new", "it discards old messages"),
            (config.allowDirect != true, "it has no direct reads"),
            (config.allowAtomic != true, "it takes no atomic batches"),
            (
                config.maxMsgs != -1 || config.maxBytes != -1 || config.maxAge != 0
                    || config.maxMsgsPerSubject != -1, "it has a limit of messages, bytes or age"
            ),
            (
                config.metadata?["daybook.shards"] != String(shards),
                "it is one of \(config.metadata?["daybook.shards"] ?? "an unknown number of") shards, not of \(shards)"
            ),
            (config.republish?.dest != subjects.stored, "it does not tell of what it stores"),
        ]
        if let (_, reason) = faults.first(where: \.0) { throw .otherStream(name: subjects.stream, reason: reason) }
    }

    private static func isTooOld(_ version: String) -> Bool {
        NATSVersion(version).map { $0 < .atomicBatches } ?? false
    }

    /// Repeats a request while the cluster has no leader.
    ///
    /// - Parameter passing: A refusal that passes, too.
    private static func patiently<Value>(
        _ configuration: Configuration, passing: Int? = nil, _ request: () async throws(ConnectionFailure) -> Value
    ) async throws(ConnectionFailure) -> Value {
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            do { return try await request() } catch {
                var passes = error.isPassing
                if case .refused(let code, _) = error, code == passing { passes = true }
                guard passes, ContinuousClock.now < deadline else { throw error }
                do { try await Task.sleep(for: .milliseconds(100)) } catch { throw .cancelled }
            }
        }
    }

    /// Refuses a log that is shorter than, or other than, what was acknowledged to this application before.
    private func requireAcknowledged() async throws(JetStreamStoreError) {
        let mark = highWaterMark.mark
        guard mark.sequence > 0 else { return }
        do {
            // A replica that takes over may be behind for a moment: ask for a while before it is called a loss.
            let deadline = ContinuousClock.now + configuration.requestTimeout * 2
            var found: StoredMessage?
            repeat {
                found = try await Self.patiently(configuration) { () async throws(ConnectionFailure) in
                    try await connection.nextMessage(
                        from: mark.sequence, on: subjects.all, in: subjects.stream,
                        timeout: configuration.requestTimeout)
                }
                if found != nil { break }
                do { try await Task.sleep(for: .milliseconds(100)) } catch { throw ConnectionFailure.cancelled }
            } while ContinuousClock.now < deadline
            if let found, found.sequence == mark.sequence, HighWaterMark.hash(found.body) == mark.hash { return }
            let last = try await connection.lastMessage(
                on: ">", in: subjects.stream, timeout: configuration.requestTimeout)
            throw JetStreamStoreError.lostEvents(
                acknowledged: Position(mark.sequence), found: Position(last?.sequence ?? 0),
                reason: found == nil ? "the log is shorter" : "another event stands there")
        } catch let error as JetStreamStoreError {
            throw error
        } catch {
            throw .unreachable(reason: (error as? ConnectionFailure)?.reason ?? "\(error)")
        }
    }

    /// Notes what was acknowledged.
    func noteAcknowledged(_ sequence: Int64, body: [UInt8]) throws(AppendError) {
        highWaterMark.raise(to: .init(sequence: sequence, hash: HighWaterMark.hash(body)))
    }
}
#endif
