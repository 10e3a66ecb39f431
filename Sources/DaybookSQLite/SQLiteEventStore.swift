import DaybookCore
import Foundation
import Synchronization

/// An event store in one SQLite file: embedded, durable, for one process.
///
/// ```swift
/// let store = try await SQLiteEventStore.open("bank.daybook")
/// try await store.append([event], to: "account-42", expecting: .noStream)
/// await store.close()
/// ```
///
/// An append is durable when it returns: it has been written to the disk and synced, unless the store was opened with
/// another ``Durability``. Appends that wait at the same time share a sync. Reads run on threads of their own, and see
/// whatever was acknowledged before they began.
///
/// Close the store when done; a process that ends without closing it loses nothing. The file of a store that was let go
/// without it can be opened again once its writer has done what waits.
public final class SQLiteEventStore: EventStore {
    /// The file; where the path was a symbolic link, the one that it leads to.
    public let path: String
    let committer: GroupCommitter
    let readers: ReaderPool
    let signal: HeadSignal
    let recent: RecentEvents
    let time: TimeSource
    let freeSpaceReserve: Int64
    /// The name of the SQLite VFS that files are accessed through; the platform's when nil.
    let fileSystem: String?
    /// Copy the file; stopped when the store is being closed.
    let backups = ThreadGroup()
    let isClosing = Flag()
    let isArchiving = Atomic(false)
    private let ownerLock: OwnerLock
    /// A folder to be removed when the store is closed.
    private let temporaryFolder: String?

    init(
        path: String, committer: GroupCommitter, readers: ReaderPool, signal: HeadSignal, recent: RecentEvents,
        configuration: Configuration, ownerLock: OwnerLock, temporaryFolder: String?
    ) {
        self.path = path
        self.committer = committer
        self.readers = readers
        self.signal = signal
        self.recent = recent
        time = configuration.time
        freeSpaceReserve = configuration.freeSpaceReserve
        fileSystem = configuration.fileSystem
        self.ownerLock = ownerLock
        self.temporaryFolder = temporaryFolder
    }

    deinit {
        committer.stop()
        readers.close()
        signal.close()
        if let temporaryFolder { try? FileManager.default.removeItem(atPath: temporaryFolder) }
    }

    /// Ends the store: what waits is still written, a backup that is being copied ends with
    /// ``BackupError/closed``, and later calls throw `closed`. Closing twice is harmless.
    ///
    /// The file can be opened again when this returns and no other reference to the store is left.
    public func close() async {
        isClosing.set()
        await backups.waitForEnd()
        committer.stop()
        await committer.waitForEnd()
        recent.removeAll()
        readers.close()
        await readers.waitForEnd()
        signal.close()
        ownerLock.release()
        if let temporaryFolder { try? FileManager.default.removeItem(atPath: temporaryFolder) }
    }

    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        do { try request.validate() } catch { throw .invalid(error) }
        let committer = committer
        let outcome = await AppendSubmission(request).result { committer.submit(.append($0)) }
        return try outcome.get()
    }

    public func head() async throws(ReadError) -> Position { Position(signal.head) }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        try await signal.wait(beyond: position.rawValue)
    }

    public func readPage(
        of stream: StreamName, from cursor: StreamCursor, direction: ReadDirection, limit: Int
    ) async throws(ReadError) -> StreamPage {
        try checkPageLimit(limit)
        let now = time.now
        return try await read { reader, head throws(StoreFailure) in
            try reader.page(of: stream, from: cursor, direction: direction, limit: limit, head: head, now: now)
        }
    }

    public func readPage(
        from cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int
    ) async throws(ReadError) -> LogPage {
        try checkPageLimit(limit)
        try filter.query?.validate()
        if direction == .forward, case .position(let position) = cursor, !Task.isCancelled,
            let page = recent.page(from: position.rawValue, filter: filter, limit: limit, head: signal.head)
        {
            return page
        }
        return try await read { reader, head throws(StoreFailure) in
            try reader.page(from: cursor, direction: direction, filter: filter, limit: limit, head: head)
        }
    }

    public func state(of stream: StreamName) async throws(ReadError) -> StreamState {
        try await read { reader, head throws(StoreFailure) in
            guard let number = try reader.names.number(.stream, stream.rawValue) else { return StreamState() }
            let last = try reader.lastVersion(ofStream: number, head: head)
            return try reader.control(ofStream: number, head: head).state(lastVersion: last)
        }
    }

    public func streams(after: StreamName?, limit: Int) async throws(ReadError) -> [StreamName] {
        try checkPageLimit(limit)
        return try await read { reader, head throws(StoreFailure) in
            try reader.streams(after: after, limit: limit, head: head)
        }
    }

    public func receipt(for command: CommandID) async throws(ReadError) -> AppendResult? {
        try await read { reader, head throws(StoreFailure) in
            // A receipt is committed a moment before readers see its events; whoever is told of it must see them.
            guard let commit = try reader.commit(of: command), commit.position <= head else { return nil }
            return try reader.result(of: commit)
        }
    }

    // MARK: - Reading

    /// Runs a read on one of the reading threads, in a transaction that lasts as long as the read. An index that is
    /// found damaged is built anew, once, and the read begun again.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (LogReader, _ head: Int64) throws(StoreFailure) -> Value
    ) async throws(ReadError) -> Value {
        guard !Task.isCancelled else { throw .cancelled }
        switch await attempt(body) {
        case .success(let value): return value
        case .failure(.indexDamaged):
            if let failure = await rebuildIndex(progress: nil) { throw failure.readError(file: path) }
            switch await attempt(body) {
            case .success(let value): return value
            case .failure(let failure): throw failure.readError(file: path)
            case nil: throw .closed
            }
        case .failure(let failure): throw failure.readError(file: path)
        case nil: throw .closed
        }
    }

    /// Nil when the store is closed.
    private func attempt<Value: Sendable>(
        _ body: @escaping @Sendable (LogReader, Int64) throws(StoreFailure) -> Value
    ) async -> Result<Value, StoreFailure>? {
        await withUnsafeContinuation { continuation in
            readers.run { [signal] reader in
                guard let reader else {
                    continuation.resume(returning: nil)
                    return
                }
                continuation.resume(returning: reader.inTransaction(headOf: signal, body))
            }
        }
    }

    /// Has the writer build the index anew; nil when it did, or when the store is closed.
    func rebuildIndex(progress: (@Sendable (Int64, Int64) -> Void)?) async -> StoreFailure? {
        await withUnsafeContinuation { continuation in
            let job = GroupCommitter.Job.reindex(progress: progress) { continuation.resume(returning: $0) }
            if !committer.submit(job) { continuation.resume(returning: nil) }
        }
    }
}
