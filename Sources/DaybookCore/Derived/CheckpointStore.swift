/// Keeps the checkpoints of readers that have no read model of their own to keep them in.
public protocol CheckpointStore: Sendable {
    /// Nil when the reader has never saved one.
    func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint?
    /// Durable when this returns.
    func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError)
}
