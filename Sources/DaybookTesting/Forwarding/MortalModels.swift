import DaybookCore
import Synchronization

/// Read models as a process sees them that may be killed: from then on, nothing that it wants to be saved is.
///
/// What members of a consumer group or an election do when they die cannot be had by cancelling them, since they leave in good
/// order then. Those of a test share one store, each through models of its own:
///
/// ```swift
/// let models = MortalModels(store)
/// let member = Task { try await ConsumerGroup("mailer", of: store, AccountEvent.self, in: models).run(handle) }
/// …
/// models.kill()                 // Its lease runs out, and what it had in hand goes to others.
/// ```
public final class MortalModels: ForwardingReadModelStore {
    public let models: any ReadModelStore
    private let isDead = Mutex(false)

    public init(_ models: any ReadModelStore) { self.models = models }

    /// Lets every further commit fail with ``DerivedStateError/storageFailed(reason:)``; nothing of it is done.
    public func kill() { isDead.withLock { $0 = true } }

    public func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        if isDead.withLock({ $0 }) { throw .storageFailed(reason: "The process was killed.") }
        try await models.commit(batch)
    }
}
