#if Postgres
import DaybookCore
import Synchronization

/// An event store in a PostgreSQL database, version 14 or later: for several processes, and servers that stand in for each
/// other.
///
/// ```swift
/// let store = try await PostgresEventStore.open("postgresql://bank@db1,db2/bank")
/// try await store.append([event], to: "account-42", expecting: .noStream)
/// await store.close()
/// ```
///
/// An append is durable when it returns, as far as the server's settings promise it; see ``durability``. Appends that wait at
/// the same time share a transaction. Positions have no gaps and are given under an advisory lock that is held until the
/// commit: a reader needs nothing more than `READ COMMITTED`, since whoever sees a position sees every lower one.
///
/// A connection that breaks is made anew, with another server when the address names several. An append that was on its way is
/// then looked up, so that it is there once, and its caller gets its result; see ``Configuration/reconnectTimeout``.
///
/// Connect to the server itself, or through a pooler that keeps a session for each connection: prepared statements, advisory
/// locks and notifications do not pass one that hands out transactions.
public final class PostgresEventStore: EventStore {
    let configuration: Configuration
    let address: ServerAddress
    let readers: ReaderPool
    let ahead: ReadAhead
    let signal: HeadSignal
    let queue: JobQueue<AppendSubmission>
    let listener: HeadListener
    private let threads: Threads
    private let durabilityBox: DurabilityBox

    init(
        configuration: Configuration, address: ServerAddress, readers: ReaderPool, signal: HeadSignal,
        queue: JobQueue<AppendSubmission>, listener: HeadListener, threads: Threads, durability: DurabilityBox
    ) {
        self.configuration = configuration
        self.address = address
        self.readers = readers
        ahead = ReadAhead(readers)
        self.signal = signal
        self.queue = queue
        self.listener = listener
        self.threads = threads
        durabilityBox = durability
    }

    deinit {
        queue.close()
        readers.close()
        listener.stop()
        signal.close()
    }

    /// What the server that appends go to has promised when the store last connected to it.
    public var durability: PostgresDurability { durabilityBox.value.withLock { $0 } }

    /// Ends the store: what waits is still written, and later calls throw `closed`. Closing twice is harmless.
    public func close() async {
        queue.close()
        readers.close()
        listener.stop()
        await threads.waitForEnd()
        signal.close()
    }

    @discardableResult
    public func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        do { try request.validate() } catch { throw .invalid(error) }
        let queue = queue
        return try await AppendSubmission(request).result { queue.add($0) }.get()
    }

    public func head(beyond position: Position) async throws(ReadError) -> Position {
        while true {
            let sight = try await signal.wait(beyond: position.rawValue)
            if sight.isCurrent { return Position(sight.head) }
            // Another process may have appended since this one heard of the head.
            let head = try await head()
            if head > position { return head }
            signal.takeBack(sight.head, to: head.rawValue)
        }
    }
}
#endif
