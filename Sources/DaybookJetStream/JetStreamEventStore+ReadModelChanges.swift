#if JetStream
import DaybookCore

extension JetStreamEventStore {
    /// What one atomic batch may hold: the messages and bytes of documents beside the head.
    private static let documentsPerBatch = 900
    private static let bytesPerBatch = 4 << 20
    /// How long the server remembers that a document is gone, for those who list documents meanwhile.
    private static let deletionLifetime = "1h"

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try batch.validate()
        let names = subjects(of: batch.model)
        for key in batch.changes.keys { try names.check(key) }
        for key in batch.expected.keys { try names.check(key) }
        try await openBucket()
        // Changes of this process on one model would only refuse each other.
        guard await turns.take([names.head]) else { throw .cancelled }
        defer { turns.giveBack([names.head]) }
        let token = UInt64.random(in: .min ... .max)
        var change = ChangeAttempt(token: token)
        var isFresh = false
        var prepared: PreparedDocuments?
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            guard let basis = try await basis(of: batch, names, isFresh: isFresh) else {
                isFresh = true
                continue
            }
            let head = basis.known.head
            switch change.outcome(by: head.tokens) {
            case .withoutEffect: break
            case .tookEffect: return  // Its acknowledgement was lost.
            case .unknown: throw change.unknownOutcome(of: batch.model)
            }
            if let refusal = try await refusal(of: batch, basis, names) {
                guard isFresh else {
                    isFresh = true
                    continue
                }
                // What was put down for it was not named by any head, and will not be.
                if let prepared { try await remove(prepared, batch, names, token) }
                throw refusal
            }
            // A change of the epoch is a new model: what was put down for the old one is of no use.
            if prepared?.epoch != head.epoch { prepared = try await prepare(batch, names, head.epoch, token) }
            guard let prepared else { continue }
            var next = head
            next.status = .live
            next.position = batch.checkpoint
            next.add(token: token)
            next.hasPieces = head.hasPieces || prepared.hasPieces
            var messages = prepared.parts == 0 ? prepared.messages : []
            if prepared.parts > 0 { next.staged = ModelHead.Staged(generation: token, parts: prepared.parts) }
            messages.append(headMessage(next, names, expecting: basis.known.sequence))
            var mayBeStored = false
            guard let sequence = try await put(messages, &mayBeStored) else {
                // What was decided on an old head is refused by every leader.
                if mayBeStored || isFresh { change.noteSent(after: head.tokens) }
                isFresh = true
                continue
            }
            let known = ModelMemory.Known(head: next, sequence: sequence)
            models.note(known, of: batch.model)
            if next.staged != nil { try await bringIntoPlace(names, known) }
            try await removePieces(of: basis.documents, in: batch, names, head.epoch)
            return
        }
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await openBucket()
        let names = subjects(of: model)
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            var known = try await currentHead(names)
            guard known.sequence > 0, known.head.status != .gone else { return }
            if known.head.status == .live {
                known.head.status = .deleting
                known.head.staged = nil
                guard let sequence = try await put([headMessage(known.head, names, expecting: known.sequence)]) else {
                    continue
                }
                known.sequence = sequence
                models.note(known, of: model)
            }
            return try await finishDeletion(of: names, known)
        }
    }

    // MARK: - What a change rests on

    private struct Basis {
        var known: ModelMemory.Known
        /// Of the documents that the batch expects, and, where some were cut, of those that it changes.
        var documents: [DocumentRecord] = []
    }

    /// The model as a batch meets it; nil when it must be read anew.
    private func basis(
        of batch: DocumentBatch, _ names: ModelSubjects, isFresh: Bool
    ) async throws(DerivedStateError) -> Basis? {
        var known: ModelMemory.Known
        if !isFresh, let remembered = models[batch.model], remembered.head.status != .deleting,
            remembered.head.staged == nil
        {
            known = remembered
        } else {
            known = try await settledHead(names)
        }
        if known.head.status == .gone { known.head = .new() }
        guard known.sequence > 0 else { return Basis(known: known) }
        var keys = Set(batch.expected.keys)
        if known.head.hasPieces { keys.formUnion(batch.changes.keys) }
        guard !keys.isEmpty, known.head.position == batch.previous else { return Basis(known: known) }
        let deadline = ContinuousClock.now + configuration.readPatience
        while true {
            if let snapshot = try await snapshot(of: names, keys, notBefore: known) {
                return Basis(known: snapshot.known, documents: snapshot.documents)
            }
            guard isFresh else { return nil }
            try await derived { () async throws(ReadError) in try await pauseForReplica(until: deadline) }
            known = try await settledHead(names)
            if known.sequence == 0 || known.head.status != .live || known.head.position != batch.previous {
                if known.head.status == .gone { known.head = .new() }
                return Basis(known: known)
            }
        }
    }

    private func refusal(
        of batch: DocumentBatch, _ basis: Basis, _ names: ModelSubjects
    ) async throws(DerivedStateError) -> DerivedStateError? {
        let head = basis.known.head
        guard head.position == batch.previous else {
            return .checkpointMoved(model: batch.model, expected: batch.previous, actual: head.position)
        }
        guard !batch.expected.isEmpty else { return nil }
        let records = basis.documents.filter { batch.expected[$0.key] != nil }
        let contents = try await contents(of: records, names, head.epoch)
        let values = contents.map { contents in Dictionary(contents.map { ($0.key, $0.data) }, uniquingKeysWith: { $1 })
        }
        for (key, data) in batch.expected.sorted(by: { $0.key < $1.key }) where values == nil || values?[key] != data {
            return .documentChanged(model: batch.model, key: key)
        }
        return nil
    }

    // MARK: - What a change writes

    private struct PreparedDocuments {
        let epoch: UInt64
        var messages: [OutgoingMessage] = []
        var hasPieces = false
        /// How many parts the documents were put down in; 0 when they fit into one batch.
        var parts: Int64 = 0
    }

    /// Makes messages of the documents; puts down what does not fit into one batch with the head.
    private func prepare(
        _ batch: DocumentBatch, _ names: ModelSubjects, _ epoch: UInt64, _ token: UInt64
    ) async throws(DerivedStateError) -> PreparedDocuments {
        var prepared = PreparedDocuments(epoch: epoch)
        let pieceSize = Self.pieceBytes(within: maxPayload)
        var bytes = 0
        for (key, data) in batch.changes {
            var record = DocumentRecord(key: key, content: .deleted)
            if let data, data.count > inlineBytes {
                var count: Int64 = 0
                for start in stride(from: 0, to: data.count, by: pieceSize) {
                    let piece = Array(data[start..<min(start + pieceSize, data.count)])
                    _ = try await put([
                        OutgoingMessage(subject: names.piece(count, of: key, epoch, token), body: piece)
                    ])
                    count += 1
                }
                prepared.hasPieces = true
                record.content = .pieces(generation: token, count: count)
            } else if let data {
                record.content = .data(data[...])
            }
            let message = documentMessage(record, names, epoch)
            bytes += message.body.count + message.subject.utf8.count + 64
            prepared.messages.append(message)
        }
        guard prepared.messages.count > Self.documentsPerBatch || bytes > Self.bytesPerBatch else { return prepared }
        var part = RecordWriter(reserving: pieceSize)
        for message in prepared.messages {
            if !part.bytes.isEmpty, part.bytes.count + message.body.count + 16 > pieceSize {
                try await putDown(part, prepared.parts, names, epoch, token)
                prepared.parts += 1
                part = RecordWriter(reserving: pieceSize)
            }
            part.add(message.body)
        }
        try await putDown(part, prepared.parts, names, epoch, token)
        prepared.parts += 1
        return prepared
    }

    private func putDown(
        _ part: RecordWriter, _ number: Int64, _ names: ModelSubjects, _ epoch: UInt64, _ token: UInt64
    ) async throws(DerivedStateError) {
        _ = try await put([OutgoingMessage(subject: names.part(number, epoch, token), body: part.bytes)])
    }

    private func documentMessage(
        _ record: DocumentRecord, _ names: ModelSubjects, _ epoch: UInt64
    ) -> OutgoingMessage {
        var message = OutgoingMessage(subject: names.document(record.key, epoch), body: record.bytes)
        if case .deleted = record.content { message.headers.append(("Nats-TTL", Self.deletionLifetime)) }
        return message
    }

    private func headMessage(
        _ head: ModelHead, _ names: ModelSubjects, expecting sequence: Int64
    ) -> OutgoingMessage {
        var message = OutgoingMessage(
            subject: names.head, headers: [("Nats-Expected-Last-Subject-Sequence", String(sequence))], body: head.bytes)
        if head.status == .gone { message.headers.append(("Nats-TTL", Self.deletionLifetime)) }
        return message
    }

    // MARK: - What is under way

    /// Brings documents that were put down into their places. Several may do so at once, also of different processes: every batch
    /// expects that the head still names them, so that nobody overwrites what came later.
    func bringIntoPlace(_ names: ModelSubjects, _ known: ModelMemory.Known) async throws(DerivedStateError) {
        guard let staged = known.head.staged else { return }
        let epoch = known.head.epoch
        for number in 0..<staged.parts {
            guard let part = try await bucketMessage(subject: names.part(number, epoch, staged.generation)) else {
                // Somebody else was done, and has removed it.
                guard try await currentHead(names).sequence == known.sequence else { return }
                throw .corrupted(key: names.model.rawValue, file: "the key-value bucket \(bucket)")
            }
            var messages: [OutgoingMessage] = []
            var bytes = 0
            func flush() async throws(DerivedStateError) -> Bool {
                guard !messages.isEmpty else { return true }
                messages[0].headers += [
                    ("Nats-Expected-Last-Subject-Sequence", String(known.sequence)),
                    ("Nats-Expected-Last-Subject-Sequence-Subject", names.head),
                ]
                let isWritten = try await put(messages) != nil
                (messages, bytes) = ([], 0)
                return isWritten
            }
            var reader = RecordReader(part.body)
            while !reader.isAtEnd {
                let record: DocumentRecord
                do throws(RecordReader.Damage) { record = try DocumentRecord(Array(try reader.data())) } catch {
                    throw .corrupted(key: part.subject, file: "the key-value bucket \(bucket)")
                }
                messages.append(documentMessage(record, names, epoch))
                bytes += messages[messages.count - 1].body.count
                if messages.count >= Self.documentsPerBatch || bytes >= Self.bytesPerBatch {
                    guard try await flush() else { return }
                }
            }
            guard try await flush() else { return }
        }
        var head = known.head
        head.staged = nil
        guard let sequence = try await put([headMessage(head, names, expecting: known.sequence)]) else { return }
        models.note(ModelMemory.Known(head: head, sequence: sequence), of: names.model)
        try await purge(subject: names.parts(epoch, staged.generation))
    }

    /// Removes what a deleted model had. The next model of the name has subjects of its own.
    func finishDeletion(of names: ModelSubjects, _ known: ModelMemory.Known) async throws(DerivedStateError) {
        for subject in names.everything(known.head.epoch) { try await purge(subject: subject) }
        var head = known.head
        head.status = .gone
        head.tokens = []
        if let sequence = try await put([headMessage(head, names, expecting: known.sequence)]) {
            models.note(ModelMemory.Known(head: head, sequence: sequence), of: names.model)
        }
    }

    /// Removes what was put down for a change that was refused.
    private func remove(
        _ prepared: PreparedDocuments, _ batch: DocumentBatch, _ names: ModelSubjects, _ token: UInt64
    ) async throws(DerivedStateError) {
        if prepared.parts > 0 { try await purge(subject: names.parts(prepared.epoch, token)) }
        guard prepared.hasPieces else { return }
        for (key, data) in batch.changes where data.map({ $0.count > inlineBytes }) ?? false {
            try await purge(subject: names.pieces(of: key, prepared.epoch, token))
        }
    }

    /// How large the pieces are of what is cut.
    ///
    /// - Parameter maxPayload: What a message may have, as the servers are set.
    static func pieceBytes(within maxPayload: Int) -> Int { min(512 << 10, max(maxPayload - 8192, maxPayload / 2)) }

    /// Documents above this are cut into pieces.
    private var inlineBytes: Int { min(64 << 10, maxPayload / 2) }

    /// Removes the pieces of documents that were replaced.
    private func removePieces(
        of records: [DocumentRecord], in batch: DocumentBatch, _ names: ModelSubjects, _ epoch: UInt64
    ) async throws(DerivedStateError) {
        for record in records {
            guard case .pieces(let generation, _) = record.content,
                let index = batch.changes.index(forKey: record.key),
                batch.changes.keys[index].hasSameBytes(as: record.key)
            else { continue }
            try await purge(subject: names.pieces(of: record.key, epoch, generation))
        }
    }
}
#endif
