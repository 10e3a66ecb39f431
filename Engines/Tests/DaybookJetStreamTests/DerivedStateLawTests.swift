import DaybookCore
import DaybookTesting

@testable import DaybookJetStream

/// Checkpoints and snapshots on JetStream, with read models in memory, so that the laws of derived state can be run.
struct DerivedStateLawTests: CheckpointStore, SnapshotStore, ReadModelStore {
    let base: JetStreamEventStore
    let models = InMemoryEventStore()

    static func isOfReadModels(_ law: DerivedStateLaw) -> Bool {
        ["batch", "Batch", "ead model", "ocuments are"].contains { law.name.contains($0) }
    }

    func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await base.checkpoint(for: name)
    }

    func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await base.save(checkpoint, for: name)
    }

    func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot? {
        try await base.snapshot(for: key)
    }

    func save(_ snapshot: Snapshot) async throws(DerivedStateError) { try await base.save(snapshot) }

    func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError) {
        try await base.deleteSnapshot(for: key)
    }

    func deleteSnapshots(
        keyPrefix prefix: String, exceptSchema schema: String?
    ) async throws(DerivedStateError) -> Int {
        try await base.deleteSnapshots(keyPrefix: prefix, exceptSchema: schema)
    }

    func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await models.checkpoint(of: model)
    }

    func commit(_ batch: DocumentBatch) async throws(DerivedStateError) { try await models.commit(batch) }

    func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await models.document(key, of: model)
    }

    func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await models.documents(keys, of: model)
    }

    func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await models.documents(of: model, after: key, limit: limit)
    }

    func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await models.deleteReadModel(model)
    }
}
