extension InMemoryEventStore {
    struct ReadModel: Sendable {
        var checkpoint = Position.start
        var documents: [String: [UInt8]] = [:]
    }
}

extension InMemoryEventStore: CheckpointStore {
    public func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        state.withLock { $0.checkpoints[name] }
    }

    public func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        state.withLock { $0.checkpoints[name] = checkpoint }
    }

    public func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        state.withLock { _ = $0.checkpoints.removeValue(forKey: name) }
    }
}

extension InMemoryEventStore: SnapshotStore {
    public func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        state.withLock { $0.snapshots[key] }
    }

    public func save(_ snapshot: Snapshot) async throws(DerivedStateError) {
        guard snapshot.data.count <= Limits.documentBytes else {
            throw .tooLarge(key: snapshot.key.rawValue, bytes: snapshot.data.count)
        }
        state.withLock { state in
            if let old = state.snapshots[snapshot.key], old.version > snapshot.version, old.schema == snapshot.schema {
                return
            }
            state.snapshots[snapshot.key] = snapshot
        }
    }

    public func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        state.withLock { _ = $0.snapshots.removeValue(forKey: key) }
    }

    @discardableResult
    public func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        state.withLock { state in
            let before = state.snapshots.count
            state.snapshots = state.snapshots.filter {
                !$0.key.rawValue.utf8.starts(with: prefix.utf8) || $0.value.schema == schema
            }
            return before - state.snapshots.count
        }
    }
}

extension InMemoryEventStore: ReadModelStore {
    public func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        state.withLock { $0.models[model]?.checkpoint ?? .start }
    }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        try batch.validate()
        let result: Result<Void, DerivedStateError> = state.withLock { state in
            var model = state.models[batch.model] ?? ReadModel()
            guard model.checkpoint == batch.previous else {
                return .failure(
                    .checkpointMoved(model: batch.model, expected: batch.previous, actual: model.checkpoint))
            }
            for (key, data) in batch.expected where model.documents[key] != data {
                return .failure(.documentChanged(model: batch.model, key: key))
            }
            for (key, data) in batch.changes { model.documents[key] = data }
            model.checkpoint = batch.checkpoint
            state.models[batch.model] = model
            return .success(())
        }
        try result.get()
    }

    public func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        state.withLock { $0.models[model]?.documents[key] }
    }

    public func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        state.withLock { state in
            var found: [String: [UInt8]] = [:]
            for key in keys { found[key] = state.models[model]?.documents[key] }
            return found
        }
    }

    public func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        state.withLock { state in
            (state.models[model]?.documents ?? [:])
                .filter { entry in
                    key.map { entry.key.utf8.lexicographicallyPrecedes($0.utf8) == false && entry.key != $0 } ?? true
                }
                .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .prefix(max(limit, 0)).map { (key: $0.key, data: $0.value) }
        }
    }

    public func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        state.withLock { _ = $0.models.removeValue(forKey: model) }
    }
}
