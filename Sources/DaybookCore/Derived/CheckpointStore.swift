/// Keeps the checkpoints of readers that have no read model of their own to keep them in.
public protocol CheckpointStore: Sendable {
    /// Nil when the reader has never saved one.
    func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint?
    /// Durable when this returns.
    func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError)
    /// Forgets a reader that is gone: it is no consumer of the store any more, and holds nothing back. One that saves a checkpoint
    /// under its name later begins anew.
    ///
    /// Durable when this returns. Where there is no checkpoint, nothing changes.
    func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError)
}
