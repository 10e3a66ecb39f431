#if Postgres
import Foundation

/// A queue between tasks, which add, and threads, which wait.
final class JobQueue<Job: Sendable>: @unchecked Sendable {  // Everything is looked at under the condition's lock.
    private let condition = NSCondition()
    private var jobs: [Job] = []
    private var isClosed = false

    /// - Returns: False when the queue is closed: the job was not added.
    func add(_ job: Job) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        jobs.append(job)
        condition.signal()
        return true
    }

    /// Waits until there is something, and takes it; nil when the queue is closed and empty.
    ///
    /// - Parameter limit: At most so many jobs, the oldest first.
    func take(atMost limit: Int) -> [Job]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if isClosed { return nil }
            condition.wait()
        }
        return removeFirst(limit)
    }

    /// Takes what is there, without waiting.
    func takeWaiting(atMost limit: Int) -> [Job] {
        condition.lock()
        defer { condition.unlock() }
        return removeFirst(limit)
    }

    var count: Int {
        condition.lock()
        defer { condition.unlock() }
        return jobs.count
    }

    /// Takes no more; what is there is still handed out.
    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    private func removeFirst(_ limit: Int) -> [Job] {
        guard jobs.count > limit else {
            defer { jobs = [] }
            return jobs
        }
        defer { jobs.removeFirst(limit) }
        return Array(jobs.prefix(limit))
    }
}
#endif
