/// Workers that read: calls into SQLite block, and the threads of Swift's pool must not.
final class ReaderPool: Sendable {
    typealias Job = @Sendable (LogReader?) -> Void

    private let queue = BlockingQueue<Job>()
    private let workers: any WorkerGroup

    /// Starts one worker for each reader; each reader belongs to its worker from here on.
    init(_ readers: [LogReader], _ scheduling: any Scheduling) {
        workers = scheduling.makeGroup()
        for (number, reader) in readers.enumerated() {
            workers.start("daybook-reader-\(number)", stackBytes: 1 << 20, Owned(ReaderLoop(reader, queue)))
        }
    }

    /// Runs a job on one of the workers; with nil when the pool is closed.
    func run(_ job: @escaping Job) {
        if !queue.add(job) { job(nil) }
    }

    func close() { queue.close() }

    /// Waits until every worker has ended, and its connection is closed.
    func waitForEnd() async { await workers.waitForEnd() }
}

/// Runs jobs on one reader, one a step.
private final class ReaderLoop: Worker {
    private let reader: LogReader
    private let queue: BlockingQueue<ReaderPool.Job>

    init(_ reader: LogReader, _ queue: BlockingQueue<ReaderPool.Job>) {
        self.reader = reader
        self.queue = queue
    }

    func step(waits: Bool) -> WorkerStep {
        guard let jobs = waits ? queue.take(atMost: 1) : queue.takeWaiting(atMost: 1) else { return .ended }
        for job in jobs { job(reader) }
        return jobs.isEmpty ? .idle : .worked
    }
}
