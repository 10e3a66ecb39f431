import DaybookCore
import DaybookTesting
import Synchronization

/// A store in memory that tells what it was asked, so that a test can wait until a client's call has arrived.
final class ObservedStore: ForwardingStore, CheckpointStore {
    private struct Counts {
        var appends = 0
        var waits = 0
    }

    private let store = InMemoryEventStore()
    private let counts = Mutex(Counts())

    var base: any EventStore { store }

    /// How many appends were decided, refused ones among them.
    var appends: Int { counts.withLock { $0.appends } }

    /// How many wait for the log to grow; a server is one of them.
    var waits: Int { counts.withLock { $0.waits } }

    @discardableResult
    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        defer { counts.withLock { $0.appends += 1 } }
        return try await store.append(request)
    }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        counts.withLock { $0.waits += 1 }
        defer { counts.withLock { $0.waits -= 1 } }
        return try await store.head(beyond: position)
    }

    func checkpoint(for name: CheckpointName) async throws(DerivedStateError) -> Checkpoint? {
        try await store.checkpoint(for: name)
    }

    func save(_ checkpoint: Checkpoint, for name: CheckpointName) async throws(DerivedStateError) {
        try await store.save(checkpoint, for: name)
    }

    func deleteCheckpoint(for name: CheckpointName) async throws(DerivedStateError) {
        try await store.deleteCheckpoint(for: name)
    }
}
