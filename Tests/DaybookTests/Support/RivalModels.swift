import DaybookCore
import DaybookTesting
import Synchronization

/// Read models on which something else happens just before each commit.
final class RivalModels: ForwardingReadModelStore {
    let models: any ReadModelStore
    private let beforeCommit: @Sendable () async -> Void
    private let afterCommit: @Sendable () -> Void
    private let count = Mutex(0)

    init(
        _ base: any ReadModelStore, afterCommit: @escaping @Sendable () -> Void = {},
        beforeCommit: @escaping @Sendable () async -> Void
    ) {
        models = base
        self.afterCommit = afterCommit
        self.beforeCommit = beforeCommit
    }

    var commits: Int { count.withLock { $0 } }

    func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        count.withLock { $0 += 1 }
        await beforeCommit()
        try await models.commit(batch)
        afterCommit()
    }
}
