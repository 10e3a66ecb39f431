import Foundation
import Synchronization

/// Threads that read: calls into SQLite block, and the threads of Swift's pool must not.
final class ReaderPool: Sendable {
    typealias Job = @Sendable (LogReader?) -> Void

    private let queue = BlockingQueue<Job>()
    private let threads: ThreadGroup
    private let latest = Latest()

    /// What each thread had in memory after its last read.
    private final class Latest: Sendable {
        let byNumber = Mutex<[Int: ConnectionStatistics]>([:])
    }

    var statistics: [ConnectionStatistics] {
        latest.byNumber.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Starts one thread for each reader; each reader belongs to its thread from here on.
    init(_ readers: [LogReader]) {
        threads = ThreadGroup()
        for (number, reader) in readers.enumerated() {
            let owned = Owned(reader)
            threads.start("daybook-reader-\(number)") { [queue, latest] in
                while let jobs = queue.take(atMost: 1) {
                    for job in jobs { job(owned.value) }
                    let statistics = owned.value.connectionStatistics(named: "reader-\(number)")
                    latest.byNumber.withLock { $0[number] = statistics }
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
