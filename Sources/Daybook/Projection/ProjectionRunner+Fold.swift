import DaybookCore

extension ProjectionRunner {
    typealias Input = ProjectionFold<P>.Input

    private var policy: ProjectionFold<P> {
        ProjectionFold(projection: projection, parks: failurePolicy.parkedKeys > 0)
    }

    /// Takes a page into account, in as many transactions as its documents need.
    func fold(_ page: LogPage, _ place: inout Place) async throws(ProjectionError) {
        let inputs = await decode(page.events)
        var rest = inputs[...]
        while !rest.isEmpty {
            let batch = try nextBatch(&rest)
            try await fold(batch, through: rest.isEmpty ? page.scannedThrough : nil, &place)
        }
    }

    private func decode(_ events: [RecordedEvent]) async -> [Input] {
        let (reader, projection) = (reader, projection)
        let parts = min(parallelism, events.count / Self.eventsWorthATask)
        guard parts > 1 else { return ProjectionFold<P>.decode(events[...], by: reader, for: projection) }
        let size = (events.count + parts - 1) / parts
        return await withTaskGroup(of: (Int, [Input]).self) { group in
            for part in 0..<parts {
                let slice = events[min(part * size, events.count)..<min((part + 1) * size, events.count)]
                group.addTask { (part, ProjectionFold<P>.decode(slice, by: reader, for: projection)) }
            }
            var decoded = [[Input]](repeating: [], count: parts)
            for await (part, inputs) in group { decoded[part] = inputs }
            return decoded.flatMap { $0 }
        }
    }

    /// Below so many, another task costs more than it gains.
    private static var eventsWorthATask: Int { 64 }

    /// As many events as change no more documents than a transaction takes.
    private func nextBatch(_ rest: inout ArraySlice<Input>) throws(ProjectionError) -> ArraySlice<Input> {
        var keys: Set<String> = []
        var end = rest.startIndex
        for (index, input) in zip(rest.indices, rest) {
            let own = input.keys
            for key in own where key == ParkedKeys.document { throw .reservedKey(key) }
            // One document more is that of the parked keys.
            if keys.count + own.count >= Limits.documentsPerBatch, index > rest.startIndex,
                keys.union(own).count >= Limits.documentsPerBatch
            {
                break
            }
            keys.formUnion(own)
            end = index + 1
        }
        defer { rest = rest[end...] }
        return rest[..<end]
    }

    /// Folds a batch into its documents and saves them; throws what stopped it, after saving what came before.
    ///
    /// - Parameter through: Where the checkpoint is to stand when all is well; behind the batch's last event when nil.
    private func fold(
        _ batch: ArraySlice<Input>, through: Position?, _ place: inout Place
    ) async throws(ProjectionError) {
        while true {
            let keys = Set(batch.flatMap(\.keys))
            var stored: [String: [UInt8]]
            do {
                stored = try await models.documents(Array(keys) + [ParkedKeys.document], of: projection.name)
            } catch {
                throw ProjectionError(error)
            }
            let parkedData = stored.removeValue(forKey: ParkedKeys.document)
            let held = try ParkedKeys(parkedData, of: projection.name)
            var inputs = batch
            var outcome = try await run(inputs, stored, held)
            var failure = outcome.failure
            if let index = failure?.index {
                // Others may have gone beyond the event at which one stopped.
                inputs = batch[..<index]
                outcome = try policy.run(inputs, stored: stored, held: held) { _ in true }
            }
            var parked = held
            let room = failurePolicy.parkedKeys - held.count
            if outcome.parked.count > max(room, 0) {
                let first = outcome.parked.sorted { $0.position < $1.position }[max(room, 0)]
                let index = inputs.firstIndex { $0.recorded.position == first.position } ?? inputs.startIndex
                failure = (
                    .tooManyParkedKeys(
                        limit: failurePolicy.parkedKeys, at: ProjectionError.Place(inputs[index].recorded),
                        reason: first.reason), index
                )
                inputs = inputs[..<index]
                outcome = try policy.run(inputs, stored: stored, held: held) { _ in true }
            }
            for entry in outcome.parked { parked[entry.key] = entry }
            if parked != held {
                outcome.changes.updateValue(try parked.encoded(for: projection.name), forKey: ParkedKeys.document)
            }
            let checkpoint = failure == nil ? through ?? inputs.last?.recorded.position : inputs.last?.recorded.position
            if let checkpoint {
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
        _ batch: ArraySlice<Input>, _ stored: [String: [UInt8]], _ held: ParkedKeys
    ) async throws(ProjectionError) -> ProjectionFold<P>.Outcome {
        let policy = policy
        let parts = min(parallelism, batch.count / Self.eventsWorthATask)
        guard parts > 1 else { return try policy.run(batch, stored: stored, held: held) { _ in true } }
        let results = await withTaskGroup(of: Result<ProjectionFold<P>.Outcome, ProjectionError>.self) { group in
            for part in 0..<parts {
                group.addTask {
                    Result { () throws(ProjectionError) in
                        try policy.run(batch, stored: stored, held: held) { Self.part(of: $0, among: parts) == part }
                    }
                }
            }
            var results: [Result<ProjectionFold<P>.Outcome, ProjectionError>] = []
            for await result in group { results.append(result) }
            return results
        }
        var merged = ProjectionFold<P>.Outcome()
        for result in results {
            let outcome = try result.get()
            merged.changes.merge(outcome.changes) { _, new in new }
            merged.parked += outcome.parked
            if let failure = outcome.failure, failure.index < merged.failure?.index ?? .max { merged.failure = failure }
        }
        return merged
    }

    /// Which task folds a key: always the same one within a batch, so that the order of each key is kept.
    private static func part(of key: String, among parts: Int) -> Int {
        Int(truncatingIfNeeded: UInt(bitPattern: key.hashValue) % UInt(parts))
    }
}
