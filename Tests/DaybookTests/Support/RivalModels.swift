import DaybookCore
import Synchronization

/// Read models on which something else happens just before each commit.
final class RivalModels: ReadModelStore {
    private let base: any ReadModelStore
    private let beforeCommit: @Sendable () async -> Void
    private let afterCommit: @Sendable () -> Void
    private let count = Mutex(0)

    init(
        _ base: any ReadModelStore, afterCommit: @escaping @Sendable () -> Void = {},
        beforeCommit: @escaping @Sendable () async -> Void
    ) {
        self.base = base
        self.afterCommit = afterCommit
        self.beforeCommit = beforeCommit
    }

    var commits: Int { count.withLock { $0 } }

    func checkpoint(of model: ReadModelName) async throws(DerivedStateError) -> Position {
        try await base.checkpoint(of: model)
    }

    func commit(_ batch: DocumentBatch) async throws(DerivedStateError) {
        count.withLock { $0 += 1 }
        await beforeCommit()
        try await base.commit(batch)
        afterCommit()
    }

    func document(_ key: String, of model: ReadModelName) async throws(DerivedStateError) -> [UInt8]? {
        try await base.document(key, of: model)
    }

    func documents(
        _ keys: [String], of model: ReadModelName
    ) async throws(DerivedStateError) -> [String: [UInt8]] {
        try await base.documents(keys, of: model)
    }

    func documents(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        try await base.documents(of: model, after: key, limit: limit)
    }

    func deleteReadModel(_ model: ReadModelName) async throws(DerivedStateError) {
        try await base.deleteReadModel(model)
    }
}
