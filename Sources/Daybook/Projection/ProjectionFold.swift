import DaybookCore

/// Folds decoded events into their documents; a pure function of events and documents.
struct ProjectionFold<P: Projection>: Sendable {
    /// What came of a fold.
    struct Outcome: Sendable {
        /// New contents, of documents whose bytes are others than before; nil deletes.
        var changes: [String: [UInt8]?] = [:]
        /// Keys that stopped, each before an event.
        var parked: [ParkedKey] = []
        /// What stopped the fold, before the recorded event of a number.
        var failure: (error: ProjectionError, index: Int)?
    }

    /// Which of several tasks folds: those slots whose number leaves `part` when it is divided by `parts`. The events of
    /// one key are folded by one task, in order.
    struct Share: Sendable {
        var part = 0
        var parts = 1

        func has(_ slot: Int) -> Bool { parts == 1 || slot % parts == part }
    }

    let projection: P
    /// Whether an event that fails stops its keys alone.
    let parks: Bool

    /// - Parameters:
    ///   - end: Folds the events of the batch before this number.
    ///   - stored: The documents that exist.
    ///   - held: Keys that were parked before.
    func run(
        _ batch: ProjectionBatch<P>, before end: Int? = nil, stored: [String: [UInt8]], held: ParkedKeys,
        _ share: Share = Share()
    ) throws(ProjectionError) -> Outcome {
        var outcome = Outcome()
        let page = batch.page
        var documents = try decode(stored, of: batch, share)
        var isChanged = [Bool](repeating: false, count: batch.names.count)
        var isParked = isChanged
        if !held.isEmpty { for slot in isParked.indices { isParked[slot] = held.contains(batch.names[slot]) } }
        // What an event has changed so far, so that one that fails half way changes nothing.
        var undo: [(slot: Int, document: P.Document?)] = []
        events: for index in batch.range where index < end ?? .max {
            let recorded = page.recorded[index]
            if !page.failures.isEmpty, let failure = page.failures[index] {
                guard parks, let keys = failure.keys else {
                    outcome.failure = (failure.error, index)
                    break
                }
                for key in keys {
                    // The batch has no two names that are equal, whatever their bytes.
                    guard let slot = batch.names.firstIndex(of: key), share.has(slot), !isParked[slot] else { continue }
                    isParked[slot] = true
                    outcome.parked.append(
                        ParkedKey(key: key, position: recorded.position, reason: failure.error.description))
                }
                continue
            }
            let parts = page.parts(index)
            let first = parts.isEmpty ? 0 : batch.slotRange(parts.lowerBound).lowerBound
            let last = parts.isEmpty ? 0 : batch.slotRange(parts.upperBound - 1).upperBound
            // An event of one key needs to be undone only where it fails.
            let isSingle = last - first <= 1
            undo.removeAll(keepingCapacity: true)
            for part in parts {
                for place in batch.slotRange(part) {
                    let slot = batch.slots[place]
                    guard share.has(slot), !isParked[slot] else { continue }
                    let before = documents[slot]
                    do {
                        try projection.apply(
                            page.events[part], recorded: recorded, key: batch.names[slot], to: &documents[slot])
                        isChanged[slot] = true
                        if !isSingle { undo.append((slot, before)) }
                    } catch {
                        documents[slot] = before
                        if parks {
                            for change in undo.reversed() where change.slot == slot {
                                documents[slot] = change.document
                            }
                            isParked[slot] = true
                            outcome.parked.append(
                                ParkedKey(
                                    key: batch.names[slot], position: recorded.position,
                                    reason: String(describing: error)))
                        } else {
                            for change in undo.reversed() { documents[change.slot] = change.document }
                            outcome.failure = (
                                .failed(at: ProjectionError.Place(recorded), reason: String(describing: error)), index
                            )
                            break events
                        }
                    }
                }
            }
        }
        outcome.changes = try encode(documents, of: batch, isChanged, stored)
        return outcome
    }

    private func decode(
        _ stored: [String: [UInt8]], of batch: ProjectionBatch<P>, _ share: Share
    ) throws(ProjectionError) -> [P.Document?] {
        let decoder = JSONBytesDecoder()
        var documents = [P.Document?](repeating: nil, count: batch.names.count)
        if stored.isEmpty { return documents }
        for slot in documents.indices where share.has(slot) {
            guard let data = stored[batch.names[slot]] else { continue }
            do {
                documents[slot] = try decoder.decode(P.Document.self, from: data)
            } catch {
                throw .unreadableDocument(
                    key: batch.names[slot], model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return documents
    }

    /// The documents whose bytes are others than before.
    private func encode(
        _ documents: [P.Document?], of batch: ProjectionBatch<P>, _ isChanged: [Bool], _ stored: [String: [UInt8]]
    ) throws(ProjectionError) -> [String: [UInt8]?] {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        changes.reserveCapacity(isChanged.count)
        for slot in isChanged.indices where isChanged[slot] {
            let key = batch.names[slot]
            guard let document = documents[slot] else {
                if stored[key] != nil { changes.updateValue(nil, forKey: key) }
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
