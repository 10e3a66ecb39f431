#if Postgres
import Foundation
import Synchronization

/// A queue between tasks, which add, and threads, which wait.
final class JobQueue<Job: Sendable>: @unchecked Sendable {  // Everything is looked at under the condition's lock.
    private let condition = NSCondition()
    private var jobs: [Job] = []
    private var isClosed = false
    /// How many jobs wait, for a thread that watches and does not take the lock.
    private let waiting = Atomic(0)
    /// Whether a thread that watched saw something the last time, or one that slept was woken at once.
    private var isWorthWatching = false
    private let watches: Bool

    /// How long a thread watches before it sleeps.
    private static var watch: Duration { .microseconds(100) }

    /// - Parameter watches: Whether a thread with nothing to do watches for a moment before it sleeps, where that was worth it
    ///   the last time: to wake one takes 25 to 50 µs.
    init(watches: Bool = false) { self.watches = watches }

    /// - Returns: False when the queue is closed: the job was not added.
    func add(_ job: Job) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        jobs.append(job)
        waiting.store(jobs.count, ordering: .releasing)
        condition.signal()
        return true
    }

    /// Waits until there is something, and takes it; nil when the queue is closed and empty.
    ///
    /// - Parameter limit: At most so many jobs, the oldest first.
    func take(atMost limit: Int) -> [Job]? {
        condition.lock()
        defer { condition.unlock() }
        if jobs.isEmpty, !isClosed, watches, isWorthWatching {
            condition.unlock()
            let end = ContinuousClock.now + Self.watch
            while waiting.load(ordering: .acquiring) == 0, ContinuousClock.now < end { sched_yield() }
            condition.lock()
            isWorthWatching = !jobs.isEmpty
        }
        while jobs.isEmpty {
            if isClosed { return nil }
            let start = ContinuousClock.now
            condition.wait()
            if watches, ContinuousClock.now - start < Self.watch { isWorthWatching = true }
        }
        return removeFirst(limit)
    }

    /// Takes what is there, without waiting.
    func takeWaiting(atMost limit: Int) -> [Job] {
        condition.lock()
        defer { condition.unlock() }
        return removeFirst(limit)
    }

    /// Takes no more; what is there is still handed out.
    func close() {
        condition.lock()
        isClosed = true
        condition.broadcast()
        condition.unlock()
    }

    private func removeFirst(_ limit: Int) -> [Job] {
        defer { waiting.store(jobs.count, ordering: .releasing) }
        guard jobs.count > limit else {
            defer { jobs = [] }
            return jobs
        }
        defer { jobs.removeFirst(limit) }
        return Array(jobs.prefix(limit))
    }
}
#endif
