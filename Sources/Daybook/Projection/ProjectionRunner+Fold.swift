import DaybookCore

extension ProjectionRunner {
    /// Decoded events with the documents that they change, and what stopped the decoding, if anything.
    struct Batch {
        var events: [(recorded: RecordedEvent, parts: [(event: P.Event, keys: [String])])] = []
        var keys: Set<String> = []
        var failure: ProjectionError?
    }

    /// Decodes events until there are no more, one fails, or they change as many documents as a transaction takes.
    func decodeBatch(_ rest: inout ArraySlice<RecordedEvent>) -> Batch {
        var batch = Batch()
        while let recorded = rest.first {
            let events: [P.Event]
            do { events = try reader.decode(recorded) } catch {
                batch.failure = .undecodable(error)
                return batch
            }
            var parts: [(event: P.Event, keys: [String])] = []
            var new: Set<String> = []
            do {
                for event in events {
                    let keys = try projection.keys(for: event, recorded: recorded)
                    for key in keys where !batch.keys.contains(key) { new.insert(key) }
                    parts.append((event, keys))
                }
            } catch {
                batch.failure = .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
                return batch
            }
            if batch.keys.count + new.count > Limits.documentsPerBatch, !batch.events.isEmpty { return batch }
            batch.keys.formUnion(new)
            batch.events.append((recorded, parts))
            rest.removeFirst()
        }
        return batch
    }

    /// Folds a batch into its documents and saves them; throws what stopped it, after saving what came before.
    ///
    /// - Parameter through: Where the checkpoint is to stand when all is well; behind the batch's last event when nil.
    func fold(_ batch: Batch, through: Position?, _ place: inout Place) async throws(ProjectionError) {
        var failure = batch.failure
        let stored: [String: [UInt8]]
        do {
            stored = batch.keys.isEmpty ? [:] : try await models.documents(Array(batch.keys), of: projection.name)
        } catch {
            throw ProjectionError(error)
        }
        var documents = try decode(stored)
        var checkpoint: Position?
        var changed: Set<String> = []
        for (recorded, parts) in batch.events {
            // Set aside first, so that an event that fails half way changes nothing.
            var new: [String: P.Document?] = [:]
            do {
                for (event, keys) in parts {
                    for key in keys {
                        var document = new[key] ?? documents[key]
                        try projection.apply(event, recorded: recorded, key: key, to: &document)
                        new[key] = .some(document)
                    }
                }
            } catch {
                failure = .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
                break
            }
            for (key, document) in new {
                documents[key] = document
                changed.insert(key)
            }
            checkpoint = recorded.position
        }
        if failure == nil, let through { checkpoint = through }
        if let checkpoint {
            try await commit(try encode(documents, changed: changed, stored: stored), through: checkpoint, &place)
        }
        if let failure { throw failure }
    }

    private func decode(_ stored: [String: [UInt8]]) throws(ProjectionError) -> [String: P.Document] {
        let decoder = JSONBytesDecoder()
        var documents: [String: P.Document] = [:]
        documents.reserveCapacity(stored.count)
        for (key, data) in stored {
            do {
                documents[key] = try decoder.decode(P.Document.self, from: data)
            } catch {
                throw .unreadableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return documents
    }

    /// The documents whose bytes are others than before.
    private func encode(
        _ documents: [String: P.Document], changed: Set<String>, stored: [String: [UInt8]]
    ) throws(ProjectionError) -> [String: [UInt8]?] {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        for key in changed {
            guard let document = documents[key] else {
                if stored[key] != nil { changes[key] = .some(nil) }
                continue
            }
            do {
                let data = try encoder.encode(document)
                if data != stored[key] { changes[key] = data }
            } catch {
                throw .unwritableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return changes
    }
}
