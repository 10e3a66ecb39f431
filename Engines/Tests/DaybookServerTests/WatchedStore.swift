import DaybookCore
import Synchronization

/// A store in memory that counts what is read of its log, and can hold up the first page, or the first append, until it is told
/// to go on, or the task is cancelled; or it does not know at first where its log ends. It can lose the answer to an append.
final class WatchedStore: EventStore {
    private let store = InMemoryEventStore()
    private let read = Mutex(0)
    private let isHeld: Mutex<Bool>
    private let isAppendHeld: Mutex<Bool>
    private let failsHead: Mutex<Bool>
    private let losesAnswer = Mutex(false)
    private let entered = AsyncStream<Void>.makeStream()
    private let released = AsyncStream<Void>.makeStream()

    init(holdsFirstPage: Bool = false, holdsFirstAppend: Bool = false, failsFirstHead: Bool = false) {
        isHeld = Mutex(holdsFirstPage)
        isAppendHeld = Mutex(holdsFirstAppend)
        failsHead = Mutex(failsFirstHead)
    }

    /// How many events were read from the log, of all streams together.
    var eventsRead: Int { read.withLock { $0 } }

    /// Returns when the first page is asked for.
    func waitForReader() async { for await _ in entered.stream { return } }
    /// Returns when the first append is asked for.
    func waitForWriter() async { for await _ in entered.stream { return } }
    /// The next append waits as the first one may.
    func holdNextAppend() { isAppendHeld.withLock { $0 = true } }
    func release() { released.continuation.yield() }
    /// The next append is recorded, and its outcome not known to who makes it.
    func loseNextAnswer() { losesAnswer.withLock { $0 = true } }

    func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        await wait(if: isHeld.withLock { Self.isFirst(&$0) })
        let page = try await store.readPage(from: cursor, direction: direction, filter: filter, limit: limit)
        read.withLock { $0 += page.events.count }
        return page
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        await wait(if: isAppendHeld.withLock { Self.isFirst(&$0) })
        let result = try await store.append(request)
        guard losesAnswer.withLock({ Self.isFirst(&$0) }) else { return result }
        throw .storageFailed(reason: "the connection was cut", mayBeWritten: true)
    }

    private static func isFirst(_ isHeld: inout Bool) -> Bool {
        defer { isHeld = false }
        return isHeld
    }

    private func wait(if isHeld: Bool) async {
        guard isHeld else { return }
        entered.continuation.yield()
        for await _ in released.stream { break }
    }

    func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try await store.readPage(of: stream, from: cursor, direction: direction, limit: limit)
    }

    func state(of stream: StreamName) async throws(ReadError) -> StreamState { try await store.state(of: stream) }

    func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try await store.streams(after: after, limit: limit)
    }

    func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await store.receipt(for: command)
    }

    func head() async throws(ReadError) -> Position {
        if failsHead.withLock({ Self.isFirst(&$0) }) { throw .storageFailed(reason: "the first time") }
        return try await store.head()
    }

    func head(beyond position: Position) async throws(ReadError) -> Position {
        try await store.head(beyond: position)
    }
}
