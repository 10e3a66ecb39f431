#if JetStream
import DaybookCore
import Synchronization

/// A log on a NATS JetStream cluster: replicated by Raft, with one order for all its events.
///
/// ```swift
/// let store = try await JetStreamEventStore.connect(
///     "nats://n1:4222,nats://n2:4222,nats://n3:4222", store: "orders")
/// ```
///
/// - Durability: an acknowledged append is on a majority of the replicas, and on their disks when every server has
///   `sync_interval: always`; see ``durability``. A cluster that gives less than was asked for is refused.
/// - Positions are the sequences of the JetStream stream. They have gaps: tags and receipts take sequences too.
/// - Times are those of the stream's leader. They never go back as long as the clocks of the servers agree.
/// - Limits: an event must fit into the server's `max_payload` with 4 KiB to spare, an append into one atomic batch, of which
///   the server takes 1,000 messages unless told otherwise; an event is one message, a tag one for each append. What does
///   not fit is refused with ``JetStreamUnsupported`` as the reason.
/// - Costs: an append of one event without tags is one message; with tags or a command it is an atomic batch. A filter by one
///   category is applied by the server, every other one here.
public final class JetStreamEventStore: EventStore {
    let connection: JetStreamConnection
    let subjects: LogSubjects
    let configuration: Configuration
    /// What the cluster gives, as it was when connecting.
    public let durability: JetStreamDurability
    /// The servers that sync before they acknowledge, by name, as they were when connecting; nil when that was not asked for.
    let syncing: Set<String>?
    let turns = Turns()
    let heads: HeadCache<StreamHead>
    let watch: StoredWatch
    let watching: ConnectionSubscription
    let maxPayload: Int
    let highWaterMark: HighWaterMark
    let readAheads = ReadAheadPool()
    let names = Mutex(StreamList())
    let controls = Mutex([Int64: StreamControl]())
    let importEnd = Mutex(ImportEnd())
    let receiptsAtEnd = Mutex(ReceiptsAtEnd())
    /// The sequence that the log ended at when this process last imported something.
    let importedThrough = Mutex<Int64>(-1)
    let models = ModelMemory()
    /// Whether the bucket of checkpoints, snapshots and read models was found or made.
    let isBucketOpen = Mutex(false)
    private let batches: Mutex<UInt64>
    private let batchPrefix: String

    init(
        connection: JetStreamConnection, subjects: LogSubjects, configuration: Configuration,
        durability: JetStreamDurability, highWaterMark: HighWaterMark, syncing: Set<String>?
    ) throws(ConnectionFailure) {
        self.connection = connection
        self.subjects = subjects
        self.configuration = configuration
        self.durability = durability
        self.highWaterMark = highWaterMark
        self.syncing = syncing
        heads = HeadCache(capacity: configuration.cachedStreams)
        maxPayload = connection.maxPayload
        let watch = StoredWatch()
        self.watch = watch
        watching = try connection.subscribe(subjects.stored) { watch.take($0) }
        batches = Mutex(0)
        batchPrefix = String(UInt64.random(in: 1 << 40...UInt64.max), radix: 36) + "-"
    }

    /// Closes the connection. Appends under way end with an error that says that they may be written.
    public func close() async {
        connection.end(watching)
        readAheads.endAll()
        await connection.close()
        watch.end()
        highWaterMark.close()
    }

    /// Unlike that of any other batch, of this or another process: at most 64 bytes.
    func nextBatchID() -> String {
        batchPrefix
            + String(
                batches.withLock { number in
                    number += 1
                    return number
                }, radix: 36)
    }
}
#endif
