/// Keeps the latest snapshot for each key.
public protocol SnapshotStore: Sendable {
    func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot?
    /// Replaces an older snapshot of the key; one of a higher version stays.
    func save(_ snapshot: Snapshot) async throws(DerivedStateError)
    func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError)
}
