#if JetStream
import DaybookCore

/// Checkpoints and snapshots in a key-value bucket beside the log: `daybook-<store>`, replicated as the log is.
///
/// A checkpoint is under `c.<name>`, a snapshot under `s.<key>`; characters that a key cannot have are `=` and two
/// hexadecimal digits a byte. A snapshot above 32 KiB is cut into pieces under `d.<key>.<number>`, which are written in one
/// atomic batch with it, and name it by a number of their own.
///
/// Read models are here, too: see ``ModelSubjects``.
extension JetStreamEventStore: CheckpointStore, SnapshotStore {
    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await openBucket()
        guard let message = try await bucketMessage(on: Self.checkpointPrefix + Self.key(name.rawValue)) else {
            return nil
        }
        return try checkpoint(message)
    }

    /// The names and positions of all checkpoints.
    func checkpoints() async throws(DerivedStateError) -> [SavedPositions.Entry] {
        var entries: [SavedPositions.Entry] = []
        for message in try await bucketMessages(on: bucketPrefix + Self.checkpointPrefix + "*") {
            let token = message.subject.token(between: bucketPrefix + Self.checkpointPrefix, and: "")
            guard let name = token.flatMap({ BucketKey.text(of: $0) }) else {
                throw .corrupted(key: message.subject, file: "the key-value bucket \(bucket)")
            }
            entries.append(SavedPositions.Entry(name: name, position: try checkpoint(message).position))
        }
        return entries
    }

    private func checkpoint(_ message: StoredMessage) throws(DerivedStateError) -> Checkpoint {
        var reader = RecordReader(message.body)
        guard (try? reader.byte()) == 1, let position = try? reader.number() else {
            throw .corrupted(key: message.subject, file: "the key-value bucket \(bucket)")
        }
        return Checkpoint(after: Position(position))
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await openBucket()
        var writer = RecordWriter(reserving: 12)
        writer.add(1 as UInt8)
        writer.add(checkpoint.position.rawValue)
        _ = try await put([OutgoingMessage(subject: checkpointSubject(name), body: writer.bytes)])
    }

    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        try await openBucket()
        try await purge(subject: checkpointSubject(name))
    }

    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        try await openBucket()
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            guard let message = try await bucketMessage(on: "s." + Self.key(key.rawValue)) else { return nil }
            var record = try snapshotRecord(message, key.rawValue)
            if record.pieces == 0 { return record.snapshot }
            if let data = try await pieces(of: record, key.rawValue) {
                record.snapshot.data = data
                return record.snapshot
            }
            // Replaced at this moment, or a replica is behind.
            guard ContinuousClock.now < deadline else {
                throw .corrupted(key: key.rawValue, file: "the key-value bucket \(bucket)")
            }
            do { try await Task.sleep(for: .milliseconds(5)) } catch { throw .cancelled }
        }
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        guard snapshot.data.count <= Limits.documentBytes else {
            throw .tooLarge(key: snapshot.key.rawValue, bytes: snapshot.data.count)
        }
        try await openBucket()
        let key = Self.key(snapshot.key.rawValue)
        let generation = UInt64.random(in: .min ... .max)
        let size = snapshot.data.count <= 32 << 10 ? Int.max : Self.pieceBytes(within: maxPayload)
        var messages: [OutgoingMessage] = []
        if snapshot.data.count > 32 << 10 {
            for start in stride(from: 0, to: snapshot.data.count, by: size) {
                var writer = RecordWriter(reserving: size + 8)
                writer.add(fixed: generation)
                writer.addRest(Array(snapshot.data[start..<min(start + size, snapshot.data.count)]))
                messages.append(
                    OutgoingMessage(subject: bucketPrefix + "d.\(key).\(messages.count)", body: writer.bytes))
            }
        }
        var writer = RecordWriter(reserving: 100 + (messages.isEmpty ? snapshot.data.count : 0))
        writer.add(1 as UInt8)
        writer.add(snapshot.version.rawValue)
        writer.add(snapshot.position.rawValue)
        writer.add(snapshot.schema)
        writer.add(snapshot.key.rawValue)
        writer.add(fixed: generation)
        writer.add(Int64(messages.count))
        if messages.isEmpty { writer.addRest(snapshot.data) }
        messages.append(OutgoingMessage(subject: bucketPrefix + "s." + key, body: writer.bytes))
        while true {
            let current = try await bucketMessage(on: "s." + key)
            if let current {
                let old = try snapshotRecord(current, snapshot.key.rawValue).snapshot
                if old.version > snapshot.version, old.schema == snapshot.schema { return }
            }
            var expecting = messages
            expecting[messages.count - 1].headers.append(
                ("Nats-Expected-Last-Subject-Sequence", String(current?.sequence ?? 0)))
            if try await put(expecting) != nil { return }
        }
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        try await openBucket()
        try await purge(key.rawValue)
    }

    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        try await openBucket()
        var keys: [String] = []
        var next: Int64 = 1
        let deadline = ContinuousClock.now + configuration.readPatience
        let last = try await bucketMessage(on: "s.>")?.sequence ?? 0
        while next <= last {
            let page = try await derived { () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.directMessages(
                        from: next, on: bucketPrefix + "s.>", limit: 500, bytes: 8 << 20, in: "KV_" + bucket,
                        timeout: configuration.requestTimeout)
                }
            }
            for message in page.messages {
                next = message.sequence + 1
                let record = try snapshotRecord(message, message.subject)
                let key = record.snapshot.key.rawValue
                if key.utf8.starts(with: prefix.utf8), record.snapshot.schema != schema { keys.append(key) }
            }
            if page.messages.isEmpty {
                // Deleted meanwhile, unless the replica is behind.
                if try await (bucketMessage(on: "s.>")?.sequence ?? 0) < next { break }
                try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
            }
        }
        for key in keys { try await purge(key) }
        return keys.count
    }

    // MARK: - The bucket

    var bucket: String { "daybook-" + subjects.store }
    var bucketPrefix: String { "$KV.\(bucket)." }

    private static var checkpointPrefix: String { "c." }

    private func checkpointSubject(_ name: CheckpointName) -> String {
        bucketPrefix + Self.checkpointPrefix + Self.key(name.rawValue)
    }

    private struct Made: Decodable, Sendable {
        struct Config: Decodable, Sendable {
            var allowMsgTtl: Bool?
            var numReplicas: Int?
            var storage: String?
        }
        var config: Config?
        var cluster: LogCluster?
    }

    /// Whether there is one: it is not made for the asking.
    func hasBucket() async throws(DerivedStateError) -> Bool {
        if isBucketOpen.withLock({ $0 }) { return true }
        return try await derived { () async throws(ReadError) -> Bool in
            try await patiently { () async throws(ConnectionFailure) -> Bool in
                do throws(ConnectionFailure) {
                    let _: Made = try await connection.api(
                        "STREAM.INFO.KV_\(bucket)", timeout: configuration.requestTimeout)
                    return true
                } catch {
                    guard case .refused(10059, _) = error else { throw error }
                    return false
                }
            }
        }
    }

    func openBucket() async throws(DerivedStateError) {
        guard !isBucketOpen.withLock({ $0 }) else { return }
        let json =
            "{\"name\":\"KV_\(bucket)\",\"description\":\"Checkpoints, snapshots and read models of the Daybook store '\(subjects.store)'\","
            + "\"subjects\":[\"\(bucketPrefix)>\"],\"retention\":\"limits\",\"storage\":\"file\",\"discard\":\"new\","
            + "\"num_replicas\":\(durability.replicas),\"max_msgs_per_subject\":1,\"max_msgs\":-1,\"max_bytes\":-1,"
            + "\"max_age\":0,\"max_msg_size\":-1,\"allow_rollup_hdrs\":true,\"deny_delete\":true,\"allow_direct\":true,"
            + "\"allow_atomic\":true,\"allow_msg_ttl\":true}"
        let made: Made = try await derived { () async throws(ReadError) in
            try await patiently { () async throws(ConnectionFailure) in
                do throws(ConnectionFailure) {
                    return try await connection.api("STREAM.INFO.KV_\(bucket)", timeout: configuration.requestTimeout)
                } catch {
                    guard case .refused(10059, _) = error else { throw error }
                }
                do throws(ConnectionFailure) {
                    return try await connection.api(
                        "STREAM.CREATE.KV_\(bucket)", json, timeout: configuration.requestTimeout * 5)
                } catch {
                    guard case .refused(10058, _) = error else { throw error }
                    // Somebody else made it at the same moment.
                    return try await connection.api("STREAM.INFO.KV_\(bucket)", timeout: configuration.requestTimeout)
                }
            }
        }
        try checkDurability(of: made)
        if made.config?.allowMsgTtl != true {
            let _: Made = try await derived { () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.api(
                        "STREAM.UPDATE.KV_\(bucket)", json, timeout: configuration.requestTimeout * 5)
                }
            }
        }
        isBucketOpen.withLock { $0 = true }
    }

    /// The bucket holds what cannot be derived again, such as what was set aside: it is as durable as the log, or is not used.
    private func checkDurability(of made: Made) throws(DerivedStateError) {
        let (replicas, storage) = (made.config?.numReplicas ?? 1, made.config?.storage ?? "file")
        guard replicas >= durability.replicas, storage == "file" else {
            throw .storageFailed(
                reason:
                    "the key-value bucket '\(bucket)' has \(replicas) replicas in storage '\(storage)', and the log "
                    + "\(durability.replicas) in files: raise it by 'nats stream edit KV_\(bucket) --replicas "
                    + "\(durability.replicas)'")
        }
        // Other servers may keep it than those that keep the log.
        guard let syncing, let cluster = made.cluster else { return }
        let holders = [cluster.leader ?? ""] + (cluster.replicas ?? []).map(\.name)
        let others = holders.filter { !$0.isEmpty && !syncing.contains($0) }
        guard others.isEmpty else {
            throw .storageFailed(
                reason:
                    "the key-value bucket '\(bucket)' is kept by \(others.joined(separator: ", ")) too, of which it is not "
                    + "known that it syncs before it acknowledges: set 'jetstream { sync_interval: always }' on every "
                    + "server, and give the monitoring addresses of all, so that it can be read")
        }
    }

    private func bucketMessage(on key: String) async throws(DerivedStateError) -> StoredMessage? {
        try await bucketMessage(subject: bucketPrefix + key)
    }

    /// The last message on a subject of the bucket, as the leader has it.
    func bucketMessage(subject: String) async throws(DerivedStateError) -> StoredMessage? {
        try await derived { () async throws(ReadError) in
            try await patiently { () async throws(ConnectionFailure) in
                try await connection.lastMessage(
                    on: subject, in: "KV_" + bucket, timeout: configuration.requestTimeout)
            }
        }
    }

    /// The last message of each subject of the bucket that fits one with wildcards.
    ///
    /// What is replaced meanwhile moves behind all others. A replica that has what stood last at the leader, and nothing more behind
    /// it, has shown everything. Each page may come from another replica, so that it is asked anew what stands last when a page was
    /// not the last one.
    func bucketMessages(on subject: String) async throws(DerivedStateError) -> [StoredMessage] {
        guard var last = try await bucketMessage(subject: subject)?.sequence else { return [] }
        var found: [String: StoredMessage] = [:]
        var next: Int64 = 1
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let page = try await derived { [next] () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.directMessages(
                        from: next, on: subject, limit: 500, bytes: 8 << 20, in: "KV_" + bucket,
                        timeout: configuration.requestTimeout)
                }
            }
            for message in page.messages {
                next = message.sequence + 1
                found[message.subject] = message
            }
            guard page.messages.isEmpty || page.pending > 0 else {
                if next > last { return Array(found.values) }
                continue
            }
            last = try await bucketMessage(subject: subject)?.sequence ?? 0
            guard page.messages.isEmpty else { continue }
            if last < next { return Array(found.values) }
            try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
        }
    }

    private struct SnapshotRecord {
        var snapshot: Snapshot
        var generation: UInt64
        var pieces: Int64
    }

    private func snapshotRecord(
        _ message: StoredMessage, _ key: String
    ) throws(DerivedStateError) -> SnapshotRecord {
        do throws(RecordReader.Damage) {
            var reader = RecordReader(message.body)
            guard try reader.byte() == 1 else { throw RecordReader.Damage() }
            let version = StreamVersion(try reader.number())
            let position = Position(try reader.number())
            let schema = try reader.text()
            let key = SnapshotKey(unchecked: try reader.text())
            let generation = try reader.fixed()
            let pieces = try reader.number()
            guard (0...Int64(Limits.documentBytes)).contains(pieces) else { throw RecordReader.Damage() }
            return SnapshotRecord(
                snapshot: Snapshot(
                    key: key, version: version, position: position, schema: schema, data: Array(reader.rest())),
                generation: generation, pieces: pieces)
        } catch {
            throw .corrupted(key: key, file: "the key-value bucket \(bucket)")
        }
    }

    /// The data of a snapshot that was cut; nil when a piece is missing or of another snapshot.
    private func pieces(of record: SnapshotRecord, _ key: String) async throws(DerivedStateError) -> [UInt8]? {
        var data: [UInt8] = []
        for number in 0..<record.pieces {
            let subject = bucketPrefix + "d.\(Self.key(key)).\(number)"
            let page = try await derived { () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.directLastMessages(
                        on: [subject], in: "KV_" + bucket, timeout: configuration.requestTimeout)
                }
            }
            guard let message = page.messages.first else { return nil }
            var reader = RecordReader(message.body)
            guard (try? reader.fixed()) == record.generation else { return nil }
            data += reader.rest()
        }
        return data
    }

    /// Publishes messages together.
    ///
    /// - Returns: The sequence of the last one; nil when another writer was first, or this one, and the answer was lost.
    func put(_ messages: [OutgoingMessage]) async throws(DerivedStateError) -> Int64? {
        var mayBeStored = false
        return try await put(messages, &mayBeStored)
    }

    /// - Parameter mayBeStored: Set when an attempt had no answer, or a leader put it off: that may be stored
    ///   although another one was refused.
    func put(
        _ messages: [OutgoingMessage], _ mayBeStored: inout Bool
    ) async throws(DerivedStateError) -> Int64? {
        let deadline = ContinuousClock.now + configuration.appendPatience
        while true {
            var batch = messages
            if messages.count > 1 {
                let id = nextBatchID()
                for index in batch.indices {
                    batch[index].headers.append(("Nats-Batch-Id", id))
                    batch[index].headers.append(("Nats-Batch-Sequence", String(index + 1)))
                }
                batch[batch.count - 1].headers.append(("Nats-Batch-Commit", "1"))
            }
            do throws(ConnectionFailure) {
                return try await connection.publishAcknowledged(batch, timeout: configuration.requestTimeout * 2)
                    .sequence
            } catch {
                switch error {
                case .refused(10071, _): return nil
                case .closed: throw .closed
                case .cancelled: throw .cancelled
                case .refused(10164, _), .refused(10176, _), .refused(10210, _), .refused(429, _): mayBeStored = true
                default:
                    mayBeStored = true
                    guard error.isPassing else { throw .storageFailed(reason: error.reason) }
                }
                guard ContinuousClock.now < deadline else { throw .storageFailed(reason: error.reason) }
                do { try await Task.sleep(for: .milliseconds(Int.random(in: 5...50))) } catch { throw .cancelled }
            }
        }
    }

    private func purge(_ key: String) async throws(DerivedStateError) {
        for subject in ["s." + Self.key(key), "d.\(Self.key(key)).*"] {
            try await purge(subject: bucketPrefix + subject)
        }
    }

    /// Removes all messages of a subject, with or without wildcards, from the bucket.
    func purge(subject: String) async throws(DerivedStateError) {
        let _: Made = try await derived { () async throws(ReadError) in
            try await patiently { () async throws(ConnectionFailure) in
                try await connection.api(
                    "STREAM.PURGE.KV_\(bucket)", "{\"filter\":\"\(subject)\"}",
                    timeout: configuration.requestTimeout * 2)
            }
        }
    }

    func derived<Value>(
        _ read: () async throws(ReadError) -> Value
    ) async throws(DerivedStateError) -> Value {
        do { return try await read() } catch {
            switch error {
            case .cancelled: throw .cancelled
            case .closed: throw .closed
            default: throw .storageFailed(reason: error.description)
            }
        }
    }

    private static func key(_ text: String) -> String { BucketKey.token(text) }
}
#endif
