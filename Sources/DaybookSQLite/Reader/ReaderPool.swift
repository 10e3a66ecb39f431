import Foundation

/// Threads that read: calls into SQLite block, and the threads of Swift's pool must not.
final class ReaderPool: Sendable {
    typealias Job = @Sendable (LogReader?) -> Void

    private let queue = BlockingQueue<Job>()
    private let threads: ThreadGroup

    /// Starts one thread for each reader; each reader belongs to its thread from here on.
    init(_ readers: [LogReader]) {
        threads = ThreadGroup()
        for (number, reader) in readers.enumerated() {
            let owned = Owned(reader)
            threads.start("daybook-reader-\(number)") { [queue] in
                while let jobs = queue.take(atMost: 1) {
                    for job in jobs { job(owned.value) }
                }
            }
        }
    }

    /// Runs a job on one of the threads; with nil when the pool is closed.
    func run(_ job: @escaping Job) {
        if !queue.add(job) { job(nil) }
    }

    func close() { queue.close() }

    /// Waits until every thread has ended, and its connection is closed.
    func waitForEnd() async { await threads.waitForEnd() }
}
