#if JetStream
import DaybookCore

/// Read models in the key-value bucket beside the log.
///
/// - Costs: A batch of up to 1,000 messages and 4 MiB is one atomic batch of the server; a larger one is put down in parts first,
///   and takes effect with one message that names them. A document is a message, above 64 KiB one and its pieces.
/// - Listing documents keeps the keys of the model in memory, those of the last eight models that were listed: the server knows no
///   order of subjects. The first listing reads the whole model.
extension JetStreamEventStore: ReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await openBucket()
        let known = try await currentHead(subjects(of: model))
        return known.head.status == .live ? known.head.position : .start
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await documents([key], of: model)[key]
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        guard !keys.isEmpty else { return [:] }
        let contents = try await contents(keys, of: model)
        return Dictionary(contents.map { ($0.key, $0.data) }, uniquingKeysWith: { $1 })
    }

    /// Those documents of some keys that exist, in no order. Keys may differ in their bytes alone, which a dictionary would
    /// not tell apart.
    private func contents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await openBucket()
        let names = subjects(of: model)
        for key in keys { try names.check(key) }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let known = try await settledHead(names)
            guard known.sequence > 0, known.head.status == .live else { return [] }
            if let snapshot = try await snapshot(of: names, keys, notBefore: known),
                let contents = try await contents(of: snapshot.documents, names, known.head.epoch)
            {
                return contents
            }
            // Changed at this moment, or a replica is behind.
            try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
        }
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        guard limit > 0 else { return [] }
        try await openBucket()
        let names = subjects(of: model)
        let known = try await settledHead(names)
        guard known.sequence > 0, known.head.status == .live else { return [] }
        let keys = try await keys(of: names, known)
        var found: [(key: String, data: [UInt8])] = []
        var after = key
        while found.count < limit {
            guard !Task.isCancelled else { throw .cancelled }
            let page = keys.page(after: after, limit: min(limit - found.count, 1_000))
            guard let last = page.last else { break }
            var contents: [String: [UInt8]] = [:]
            for (key, data) in try await self.contents(Array(page), of: model) {
                contents[BucketKey.token(key)] = data
            }
            for key in page { if let data = contents[BucketKey.token(key)] { found.append((key, data)) } }
            after = last
        }
        return found
    }

    // MARK: - Heads

    func subjects(of model: ReadModelName) -> ModelSubjects { ModelSubjects(model, in: bucketPrefix) }

    /// A model's head, as the leader has it. An answer from before what this process knows comes from a leader that was
    /// deposed: it is asked for again.
    func currentHead(_ names: ModelSubjects) async throws(DerivedStateError) -> ModelMemory.Known {
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            var known = ModelMemory.Known(head: .new(), sequence: 0)
            if let message = try await bucketMessage(subject: names.head) {
                known = ModelMemory.Known(head: try modelHead(message, names), sequence: message.sequence)
            }
            if models.note(known, of: names.model) { return known }
            if known.sequence == 0, try await noteForgotten(names) { continue }
            try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
        }
    }

    private struct BucketInfo: Decodable, Sendable {
        struct State: Decodable, Sendable {
            var lastSeq: Int64
            /// Of the subjects that were asked for, those that have a message.
            var subjects: [String: Int64]?
        }
        var state: State
    }

    /// Notes that a model which this process knows is gone, if another one deleted it so long ago that the servers have
    /// forgotten its head: one answer says that there is none, and how far the server has come.
    ///
    /// - Returns: False when that cannot be told.
    private func noteForgotten(_ names: ModelSubjects) async throws(DerivedStateError) -> Bool {
        guard var known = models[names.model] else { return true }
        let info: BucketInfo = try await derived { () async throws(ReadError) in
            try await patiently { () async throws(ConnectionFailure) in
                try await connection.api(
                    "STREAM.INFO.KV_\(bucket)", "{\"subjects_filter\":\"\(names.head)\"}",
                    timeout: configuration.requestTimeout)
            }
        }
        guard info.state.lastSeq >= known.sequence, info.state.subjects?.isEmpty ?? true else { return false }
        known.head.status = .gone
        models.note(known, of: names.model)
        return true
    }

    /// The names and positions of all models. A change that was only put down counts with the head that names it.
    func modelCheckpoints() async throws(DerivedStateError) -> [SavedPositions.Entry] {
        var entries: [SavedPositions.Entry] = []
        for message in try await bucketMessages(on: ModelSubjects.heads(in: bucketPrefix)) {
            guard let model = ModelSubjects.model(ofHead: message.subject, in: bucketPrefix) else {
                throw .corrupted(key: message.subject, file: "the key-value bucket \(bucket)")
            }
            let head = try modelHead(message, subjects(of: model))
            guard head.status == .live else { continue }
            entries.append(SavedPositions.Entry(name: model.rawValue, position: head.position))
        }
        return entries
    }

    /// The head of a model of which nothing is under way: what is, is finished first.
    func settledHead(_ names: ModelSubjects) async throws(DerivedStateError) -> ModelMemory.Known {
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            let known = try await currentHead(names)
            if known.head.status == .deleting {
                try await finishDeletion(of: names, known)
            } else if known.head.staged != nil {
                try await bringIntoPlace(names, known)
            } else {
                return known
            }
        }
    }

    func modelHead(
        _ message: StoredMessage, _ names: ModelSubjects
    ) throws(DerivedStateError) -> ModelHead {
        do { return try ModelHead(message.body) } catch {
            throw .corrupted(key: names.model.rawValue, file: "the key-value bucket \(bucket)")
        }
    }

    // MARK: - Documents

    struct ModelSnapshot {
        var known: ModelMemory.Known
        /// The messages of those documents that have one.
        var documents: [DocumentRecord] = []
    }

    /// Some documents together with the head under which they stand; nil when the model changed meanwhile, or when the replica that
    /// answered has not come so far as the head.
    func snapshot(
        of names: ModelSubjects, _ keys: some Sequence<String>, notBefore known: ModelMemory.Known
    ) async throws(DerivedStateError) -> ModelSnapshot? {
        var snapshot: ModelSnapshot?
        var wanted = keys.map { names.document($0, known.head.epoch) }[...]
        repeat {
            // What is asked for, and what comes, is bounded by bytes.
            var slice = [names.head]
            var bytes = 0
            while let next = wanted.first, slice.count <= 200, bytes + next.utf8.count < 200_000 {
                bytes += next.utf8.count
                slice.append(next)
                wanted.removeFirst()
            }
            let page = try await derived { [slice] () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.directLastMessages(
                        on: slice, in: "KV_" + bucket, timeout: configuration.requestTimeout * 2)
                }
            }
            guard let upTo = page.upTo, upTo >= known.sequence, page.pending == 0,
                let message = page.messages.first(where: { $0.subject == names.head })
            else { return nil }
            if snapshot == nil {
                let head = try modelHead(message, names)
                guard head.status == .live, head.epoch == known.head.epoch, head.staged == nil else { return nil }
                snapshot = ModelSnapshot(known: ModelMemory.Known(head: head, sequence: message.sequence))
            }
            guard message.sequence == snapshot?.known.sequence else { return nil }
            for message in page.messages where message.subject != names.head {
                snapshot?.documents.append(try record(message, names))
            }
        } while !wanted.isEmpty
        return snapshot
    }

    func record(_ message: StoredMessage, _ names: ModelSubjects) throws(DerivedStateError) -> DocumentRecord {
        do { return try DocumentRecord(message.body) } catch {
            throw .corrupted(key: message.subject, file: "the key-value bucket \(bucket)")
        }
    }

    /// The contents of documents that exist; nil when a piece is missing, because its document was replaced.
    func contents(
        of records: [DocumentRecord], _ names: ModelSubjects, _ epoch: UInt64
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])]? {
        var contents: [(key: String, data: [UInt8])] = []
        for record in records {
            switch record.content {
            case .data(let data): contents.append((record.key, Array(data)))
            case .deleted: break
            case .pieces(let generation, let count):
                var data: [UInt8] = []
                for number in 0..<count {
                    let subject = names.piece(number, of: record.key, epoch, generation)
                    guard let message = try await bucketMessage(subject: subject) else { return nil }
                    data += message.body
                }
                contents.append((record.key, data))
            }
        }
        return contents
    }

    // MARK: - Keys

    /// The keys of all documents, in order, as of a head or later.
    private func keys(
        of names: ModelSubjects, _ known: ModelMemory.Known
    ) async throws(DerivedStateError) -> ModelKeys {
        let epoch = known.head.epoch
        var keys = models.keys(of: names.model, epoch: epoch)
        guard keys.scanned < known.sequence else { return keys }
        var next = keys.scanned + 1
        var known = known
        var hasMetHead = false
        let deadline = ContinuousClock.now + configuration.readPatience
        let beginning = names.documents(epoch)
        // Documents that are changed meanwhile move behind the head that is known, and behind the next one, or, when they are many, are
        // still on their way there. Whoever has met the head that is the last one afterwards, with nothing under way, has met all.
        var end: ContinuousClock.Instant?
        while !hasMetHead {
            if next > known.sequence {
                end = end ?? .now + configuration.readPatience
                guard let end, ContinuousClock.now < end else {
                    throw .storageFailed(
                        reason: "the read model '\(names.model)' changes faster than its documents can be listed")
                }
            }
            guard !Task.isCancelled else { throw .cancelled }
            let page = try await derived { [next] () async throws(ReadError) in
                try await patiently { () async throws(ConnectionFailure) in
                    try await connection.directMessages(
                        from: next, on: names.headAndDocuments, limit: 1_000, bytes: 8 << 20, in: "KV_" + bucket,
                        timeout: configuration.requestTimeout * 2)
                }
            }
            for message in page.messages {
                next = message.sequence + 1
                guard message.subject.utf8.starts(with: beginning.utf8) else {
                    if message.subject == names.head, message.sequence >= known.sequence {
                        hasMetHead = true
                        known.sequence = message.sequence
                    }
                    continue
                }
                let record = try record(message, names)
                if case .deleted = record.content {
                    keys.note(record.key, isThere: false)
                } else {
                    keys.note(record.key, isThere: true)
                }
            }
            if page.messages.isEmpty {
                try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
            }
            guard hasMetHead else { continue }
            let settled = try await settledHead(names)
            if settled.sequence > known.sequence, settled.head.epoch == epoch {
                hasMetHead = false
                known = settled
            }
        }
        keys.settle()
        keys.scanned = next - 1
        models.keep(keys, of: names.model)
        return keys
    }
}
#endif
