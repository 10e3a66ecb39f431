import DaybookCore

extension ProjectionRunner {
    /// The keys that have stopped before an event that failed, in the order of positions.
    public func parkedKeys() async throws(ProjectionError) -> [ParkedKey] {
        try await parked().keys.list
    }

    /// Takes the events into account that a parked key has missed, in order and as they are read today, whether or not
    /// the projection runs meanwhile; it goes on with the others from then on.
    ///
    /// - Throws: ``ProjectionError/keyNotParked(_:)``; or what an event failed with once more, at which the key stays
    ///   parked: what came before it is in the document. ``ProjectionError/failed(at:reason:)`` too for an event that has a
    ///   key which ``Projection/keys(forUnreadable:)`` did not tell.
    /// - Complexity: O(events of the projection since the key was parked). They are not looked for by
    ///   ``Projection/filter(for:)``: an event that could not be read may lack what that one goes by.
    public func resume(_ key: String) async throws(ProjectionError) {
        while true {
            guard !Task.isCancelled else { throw .cancelled }
            // Read before the documents: a change in between makes the commit fail.
            let checkpoint: Position
            do { checkpoint = try await models.checkpoint(of: projection.name) } catch { throw ProjectionError(error) }
            var (parked, data) = try await parked()
            guard let entry = parked[key] else { throw .keyNotParked(key) }
            let stored: [String: [UInt8]]
            do { stored = try await models.documents([key], of: projection.name) } catch {
                throw ProjectionError(error)
            }
            let page: LogPage
            do {
                page = try await log.readPage(
                    from: .position(entry.position), direction: .forward, filter: projection.filter,
                    limit: min(batchSize, Limits.eventsPerPage))
            } catch {
                throw ProjectionError(error)
            }
            let missed = page.events.prefix { $0.position <= checkpoint }
            let isDone = page.isAtEnd || page.scannedThrough >= checkpoint
            if let told = parked.eventKeys(of: key), let event = missed.first, event.position == entry.position {
                try check(event, hasNoOtherKeysThan: told)
            }
            parked[key] = nil
            let outcome = try fold(missed, into: key, stored)
            var again = outcome.parked.first
            if let failure = outcome.failure {
                // An event of which nobody can say whether it concerns the key: the key stops before it.
                again = ParkedKey(
                    key: key, position: missed[missed.startIndex + failure.index].position,
                    reason: failure.error.description)
            }
            if let again {
                parked.park(again, eventKeys: outcome.eventKeys[again.position])
            } else if !isDone {
                parked[key] = ParkedKey(key: key, position: page.scannedThrough.next, reason: entry.reason)
            }
            var changes = outcome.changes
            changes.updateValue(try parked.encoded(for: projection.name), forKey: ParkedKeys.document)
            do {
                try await models.commit(
                    DocumentBatch(
                        model: projection.name, changes: changes, previous: checkpoint, checkpoint: checkpoint,
                        expected: [ParkedKeys.document: data, key: stored[key]]))
            } catch {
                switch error {
                case .checkpointMoved, .documentChanged: continue
                default: throw ProjectionError(error)
                }
            }
            if let failure = outcome.failure { throw failure.error }
            if let again {
                let event = missed.first { $0.position == again.position }
                throw event.map { .failed(at: ProjectionError.Place($0), reason: again.reason) } ?? .keyNotParked(key)
            }
            if isDone { return }
        }
    }

    /// Refuses an event that can be read now, and has a key that it was not parked under: that one's document went on without
    /// it.
    private func check(_ event: RecordedEvent, hasNoOtherKeysThan told: [String]) throws(ProjectionError) {
        guard let events = try? reader.decode(event) else { return }
        for today in events {
            for key in (try? projection.keys(for: today, recorded: event)) ?? []
            where !told.contains(where: { $0.hasSameBytes(as: key) }) {
                throw .failed(
                    at: ProjectionError.Place(event),
                    reason:
                        "It has the key '\(key)', under which it was not parked, so that this document went on without "
                        + "it: let keys(forUnreadable:) tell all keys, and build the read model again.")
            }
        }
    }

    /// Folds events into one document; those of others stay as they are.
    private func fold(
        _ events: ArraySlice<RecordedEvent>, into key: String, _ stored: [String: [UInt8]]
    ) throws(ProjectionError) -> FoldOutcome {
        let page = ProjectionPage(events, by: reader, for: projection)
        var stored = stored
        var whole = FoldOutcome()
        var next = 0
        while next < page.outline.recorded.count, whole.failure == nil, whole.parked.isEmpty {
            let batch = try ProjectionBatch(page.outline, from: next, limit: .max)
            next = batch.range.upperBound
            guard let slot = batch.names.firstIndex(where: { $0.hasSameBytes(as: key) }) else {
                let unknown = page.outline.failures.filter { $0.value.keys == nil && batch.range.contains($0.key) }
                whole.failure = unknown.min { $0.key < $1.key }.map { ($0.value.error, $0.key) }
                continue
            }
            let outcome = try ProjectionFold(projection: projection, parks: true)
                .run(
                    batch, page.events, stored: stored, held: ParkedKeys(nil, of: projection.name),
                    FoldShare(part: slot, parts: max(batch.names.count, 2)))
            if let change = outcome.changes[key] {
                whole.changes.updateValue(change, forKey: key)
                stored[key] = change
            }
            whole.parked = outcome.parked
            whole.eventKeys.merge(outcome.eventKeys) { _, new in new }
            whole.failure = outcome.failure
        }
        return whole
    }

    private func parked() async throws(ProjectionError) -> (keys: ParkedKeys, data: [UInt8]?) {
        let data: [UInt8]?
        do { data = try await models.document(ParkedKeys.document, of: projection.name) } catch {
            throw ProjectionError(error)
        }
        return (try ParkedKeys(data, of: projection.name), data)
    }
}
