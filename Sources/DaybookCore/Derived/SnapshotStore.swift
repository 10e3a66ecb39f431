/// Keeps the latest snapshot for each key.
public protocol SnapshotStore: Sendable {
    func snapshot(for key: SnapshotKey) async throws(DerivedStateError) -> Snapshot?
    /// Replaces an older snapshot of the key; one of a higher version stays.
    func save(_ snapshot: Snapshot) async throws(DerivedStateError)
    func deleteSnapshot(for key: SnapshotKey) async throws(DerivedStateError)
    /// Deletes the snapshots whose keys begin with a text, and whose schema is another one than is given.
    ///
    /// - Parameters:
    ///   - prefix: Compared byte by byte; empty for all.
    ///   - schema: Nil deletes those of every schema.
    /// - Returns: How many were deleted.
    /// - Complexity: O(snapshots).
    @discardableResult
    func deleteSnapshots(keyPrefix prefix: String, exceptSchema schema: String?) async throws(DerivedStateError) -> Int
}
