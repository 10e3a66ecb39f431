import Synchronization

/// Workers that read: calls into SQLite block, and the threads of Swift's pool must not.
final class ReaderPool: Sendable {
    typealias Job = @Sendable (LogReader?) -> Void

    private let queue = BlockingQueue<Job>(watches: false)
    private let workers: any WorkerGroup
    private let latest = Latest()

    /// What each reader had in memory after its last read.
    fileprivate final class Latest: Sendable {
        let byNumber = Mutex<[Int: ConnectionStatistics]>([:])
    }

    var statistics: [ConnectionStatistics] {
        latest.byNumber.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Starts one worker for each reader; each reader belongs to its worker from here on.
    init(_ readers: [LogReader], _ scheduling: any Scheduling) {
        workers = scheduling.makeGroup()
        for (number, reader) in readers.enumerated() {
            workers.start(
                "daybook-reader-\(number)", stackBytes: 1 << 20, Owned(ReaderLoop(reader, number, queue, latest)))
        }
    }

    /// Runs a job on one of the workers; with nil when the pool is closed.
    func run(_ job: @escaping Job) {
        if !queue.add(job) { job(nil) }
    }

    /// How many jobs wait for a worker.
    var waitingCount: Int { queue.count }

    func close() { queue.close() }

    /// Waits until every worker has ended, and its connection is closed.
    func waitForEnd() async { await workers.waitForEnd() }
}

/// Runs jobs on one reader, one a step.
private final class ReaderLoop: Worker {
    private let reader: LogReader
    private let number: Int
    private let queue: BlockingQueue<ReaderPool.Job>
    private let latest: ReaderPool.Latest

    init(_ reader: LogReader, _ number: Int, _ queue: BlockingQueue<ReaderPool.Job>, _ latest: ReaderPool.Latest) {
        self.reader = reader
        self.number = number
        self.queue = queue
        self.latest = latest
    }

    func step(waits: Bool) -> WorkerStep {
        guard let jobs = waits ? queue.take(atMost: 1) : queue.takeWaiting(atMost: 1) else { return .ended }
        guard !jobs.isEmpty else { return .idle }
        for job in jobs { job(reader) }
        let statistics = reader.connectionStatistics(named: "reader-\(number)")
        latest.byNumber.withLock { $0[number] = statistics }
        return .worked
    }
}
