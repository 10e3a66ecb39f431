import DaybookCore

extension ProjectionRunner {
    private var policy: ProjectionFold<P> {
        ProjectionFold(projection: projection, parks: failurePolicy.parkedKeys > 0)
    }

    /// Takes what is pending into account, in as many transactions as its documents need.
    func fold(_ place: inout Place) async throws(ProjectionError) {
        let page = place.pending
        place.pending = ProjectionPage()
        place.pendingBytes = 0
        var next = 0
        while next < page.outline.recorded.count {
            let batch = try ProjectionBatch(page.outline, from: next)
            next = batch.range.upperBound
            try await fold(
                batch, page.events, through: next == page.outline.recorded.count ? place.scanned : nil, &place)
        }
        place.reached = max(place.reached, place.scanned)
        if place.reached.rawValue - place.saved.rawValue >= Self.unsavedPositions { try await save(&place) }
        progress.reach(place.reached)
    }

    func decode(_ events: [RecordedEvent]) async -> ProjectionPage<P> {
        let (reader, projection) = (reader, projection)
        let parts = min(parallelism, events.count / Self.eventsWorthATask)
        guard parts > 1 else { return ProjectionPage(events[...], by: reader, for: projection) }
        let size = (events.count + parts - 1) / parts
        return await withTaskGroup(of: (Int, ProjectionPage<P>).self) { group in
            for part in 0..<parts {
                let slice = events[min(part * size, events.count)..<min((part + 1) * size, events.count)]
                group.addTask { (part, ProjectionPage(slice, by: reader, for: projection)) }
            }
            var decoded = [ProjectionPage<P>?](repeating: nil, count: parts)
            for await (part, page) in group { decoded[part] = page }
            var whole = ProjectionPage<P>()
            for page in decoded { if let page { whole.append(page) } }
            return whole
        }
    }

    /// Below so many, another task costs more than it gains.
    private static var eventsWorthATask: Int { 64 }

    /// Folds a batch into its documents and saves them; throws what stopped it, after saving what came before.
    ///
    /// - Parameter through: Where the checkpoint is to stand when all is well; behind the batch's last event when nil.
    private func fold(
        _ batch: ProjectionBatch, _ events: [P.Event], through: Position?, _ place: inout Place
    ) async throws(ProjectionError) {
        while true {
            var stored: [String: [UInt8]]
            do {
                stored = try await models.documents(batch.names + [ParkedKeys.document], of: projection.name)
            } catch {
                throw ProjectionError(error)
            }
            let parkedData = stored.removeValue(forKey: ParkedKeys.document)
            let held = try ParkedKeys(parkedData, of: projection.name)
            var end = batch.range.upperBound
            var outcome = try await run(batch, events, stored, held)
            var failure = outcome.failure
            if let index = failure?.index {
                // Others may have gone beyond the event at which one stopped.
                end = index
                outcome = try policy.run(batch, events, before: end, stored: stored, held: held)
            }
            let room = max(failurePolicy.parkedKeys - held.count, 0)
            if outcome.parked.count > room {
                let first = outcome.parked.sorted { $0.position < $1.position }[room]
                let recorded = batch.page.recorded
                end = batch.range.first { recorded[$0].position == first.position } ?? batch.range.lowerBound
                failure = (
                    .tooManyParkedKeys(
                        limit: failurePolicy.parkedKeys, at: ProjectionError.Place(recorded[end]),
                        reason: first.reason), end
                )
                outcome = try policy.run(batch, events, before: end, stored: stored, held: held)
            }
            if !outcome.parked.isEmpty {
                var parked = held
                for entry in outcome.parked {
                    parked.park(entry, eventKeys: outcome.eventKeys[entry.position])
                }
                outcome.changes.updateValue(
                    try parked.encoded(for: projection.name), forKey: ParkedKeys.document)
            }
            if let checkpoint = (failure == nil ? through : nil) ?? batch.position(before: end) {
                do throws(ProjectionError) {
                    try await commit(
                        outcome.changes, through: checkpoint, expecting: [ParkedKeys.document: parkedData], &place)
                } catch .store(.documentChanged) {
                    continue  // A key was resumed meanwhile: its document is another one now.
                }
            }
            if let failure { throw failure.error }
            return
        }
    }

    /// Folds a batch, its keys shared among as many tasks as the runner may use.
    private func run(
        _ batch: ProjectionBatch, _ events: [P.Event], _ stored: [String: [UInt8]], _ held: ParkedKeys
    ) async throws(ProjectionError) -> FoldOutcome {
        let policy = policy
        let parts = min(parallelism, batch.range.count / Self.eventsWorthATask)
        guard parts > 1 else { return try policy.run(batch, events, stored: stored, held: held) }
        let results = await withTaskGroup(of: Result<FoldOutcome, ProjectionError>.self) { group in
            for part in 0..<parts {
                group.addTask {
                    Result { () throws(ProjectionError) in
                        try policy.run(
                            batch, events, stored: stored, held: held, FoldShare(part: part, parts: parts))
                    }
                }
            }
            var results: [Result<FoldOutcome, ProjectionError>] = []
            for await result in group { results.append(result) }
            return results
        }
        var merged = FoldOutcome()
        for result in results {
            let outcome = try result.get()
            merged.changes.merge(outcome.changes) { _, new in new }
            merged.parked += outcome.parked
            merged.eventKeys.merge(outcome.eventKeys) { _, new in new }
            if let failure = outcome.failure, failure.index < merged.failure?.index ?? .max { merged.failure = failure }
        }
        return merged
    }
}
