import DaybookCore
import DaybookTesting
import Synchronization

/// A store in front of another, that tells of calls, and may interfere with them.
final class WatchedStore: ForwardingStore {
    let base: any EventStore
    /// Runs before an append reaches the store behind; what it throws is the append's error.
    let beforeAppend: @Sendable (AppendRequest) async throws(AppendError) -> Void
    /// Runs after the append has succeeded; what it throws is the append's error all the same.
    let afterAppend: @Sendable (AppendRequest) async throws(AppendError) -> Void
    private let counts = Mutex((appends: 0, reads: 0))

    init(
        _ base: any EventStore,
        beforeAppend: @escaping @Sendable (AppendRequest) async throws(AppendError) -> Void = { _ in },
        afterAppend: @escaping @Sendable (AppendRequest) async throws(AppendError) -> Void = { _ in }
    ) {
        self.base = base
        self.beforeAppend = beforeAppend
        self.afterAppend = afterAppend
    }

    var appends: Int { counts.withLock(\.appends) }
    /// Pages of streams that were read.
    var reads: Int { counts.withLock(\.reads) }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        counts.withLock { $0.appends += 1 }
        try await beforeAppend(request)
        let result = try await base.append(request)
        try await afterAppend(request)
        return result
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        counts.withLock { $0.reads += 1 }
        return try await base.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }
}
