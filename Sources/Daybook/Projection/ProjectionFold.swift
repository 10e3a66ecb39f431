import DaybookCore

/// Folds decoded events into their documents; a pure function of events and documents.
struct ProjectionFold<P: Projection>: Sendable {
    let projection: P
    /// Whether an event that fails stops its keys alone.
    let parks: Bool

    /// - Parameters:
    ///   - events: Those of the page.
    ///   - end: Folds the events of the batch before this number.
    ///   - stored: The documents that exist.
    ///   - held: Keys that were parked before.
    func run(
        _ batch: ProjectionBatch, _ events: [P.Event], before end: Int? = nil, stored: [String: [UInt8]],
        held: ParkedKeys, _ share: FoldShare = FoldShare()
    ) throws(ProjectionError) -> FoldOutcome {
        var outcome = FoldOutcome()
        let page = batch.page
        let data = Self.data(of: batch, in: stored, share)
        var documents = try decode(data, of: batch)
        var isChanged = [Bool](repeating: false, count: batch.names.count)
        var isParked = isChanged
        if !held.isEmpty { for slot in isParked.indices { isParked[slot] = held.contains(batch.names[slot]) } }
        // What an event has changed so far, so that one that fails half way changes nothing.
        var undo: [(slot: Int, document: P.Document?)] = []
        recorded: for index in batch.range where index < end ?? .max {
            let recorded = page.recorded[index]
            if !page.failures.isEmpty, let failure = page.failures[index] {
                guard parks, let keys = failure.keys else {
                    outcome.failure = (failure.error, index)
                    break
                }
                outcome.eventKeys[recorded.position] = keys
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
                            events[part], recorded: recorded, key: batch.names[slot], to: &documents[slot])
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
                            break recorded
                        }
                    }
                }
            }
        }
        outcome.changes = try encode(documents, of: batch, isChanged, data)
        return outcome
    }

    /// The stored bytes of each slot.
    private static func data(
        of batch: ProjectionBatch, in stored: [String: [UInt8]], _ share: FoldShare
    ) -> [[UInt8]?] {
        var data = [[UInt8]?](repeating: nil, count: batch.names.count)
        if stored.isEmpty { return data }
        for slot in data.indices where share.has(slot) { data[slot] = stored[batch.names[slot]] }
        return data
    }

    private func decode(
        _ data: [[UInt8]?], of batch: ProjectionBatch
    ) throws(ProjectionError) -> [P.Document?] {
        let decoder = JSONBytesDecoder()
        var documents = [P.Document?](repeating: nil, count: data.count)
        for slot in data.indices {
            guard let data = data[slot] else { continue }
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
        _ documents: [P.Document?], of batch: ProjectionBatch, _ isChanged: [Bool], _ stored: [[UInt8]?]
    ) throws(ProjectionError) -> [String: [UInt8]?] {
        let encoder = JSONBytesEncoder()
        var changes: [String: [UInt8]?] = [:]
        changes.reserveCapacity(isChanged.count)
        for slot in isChanged.indices where isChanged[slot] {
            let key = batch.names[slot]
            guard let document = documents[slot] else {
                if stored[slot] != nil { changes.updateValue(nil, forKey: key) }
                continue
            }
            do {
                let data = try encoder.encode(document)
                if data != stored[slot] { changes[key] = data }
            } catch {
                throw .unwritableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
        }
        return changes
    }
}
