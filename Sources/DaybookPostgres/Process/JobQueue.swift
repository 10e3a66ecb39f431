#if Postgres
import Foundation
import Synchronization

/// A queue between tasks, which add, and threads, which wait.
///
/// Of the threads that sleep the one is woken that fell asleep last: its connection's server process has its caches warm, and
/// a page of a stream took half as long again when each was read by the next of four.
final class JobQueue<Job: Sendable>: Sendable {
    private struct State {
        var jobs: [Job] = []
        var isClosed = false
        /// Where threads sleep that are not being woken yet; the last of them fell asleep last.
        var sleeping: [DispatchSemaphore] = []
        /// Where threads have slept.
        var places: [DispatchSemaphore] = []
        /// Whether a thread that watched saw something the last time, or one that slept was woken at once.
        var isWorthWatching = false

        mutating func removeFirst(_ limit: Int) -> [Job] {
            guard jobs.count > limit else {
                defer { jobs = [] }
                return jobs
            }
            defer { jobs.removeFirst(limit) }
            return Array(jobs.prefix(limit))
        }
    }

    /// What a thread that wants jobs does next.
    private enum Next {
        case taken([Job]?)
        case watch
        case sleep(DispatchSemaphore)
    }

    private let state = Mutex(State())
    /// How many jobs wait, for a thread that watches and does not take the lock.
    let waiting = Atomic(0)
    private let watches: Bool

    /// How long a thread watches before it sleeps.
    private static var watch: Duration { .microseconds(100) }

    /// - Parameter watches: Whether a thread with nothing to do watches for a moment before it sleeps, where that was worth it
    ///   the last time: to wake one takes 25 to 50 µs.
    init(watches: Bool = false) { self.watches = watches }

    /// - Returns: False when the queue is closed: the job was not added.
    func add(_ job: Job) -> Bool {
        let (isAdded, sleeper) = state.withLock { state -> (Bool, DispatchSemaphore?) in
            guard !state.isClosed else { return (false, nil) }
            state.jobs.append(job)
            waiting.store(state.jobs.count, ordering: .releasing)
            return (true, state.sleeping.popLast())
        }
        sleeper?.signal()
        return isAdded
    }

    /// Waits until there is something, and takes it; nil when the queue is closed and empty.
    ///
    /// - Parameter limit: At most so many jobs, the oldest first.
    func take(atMost limit: Int) -> [Job]? {
        var hasWatched = false
        var slept: (place: DispatchSemaphore, isShort: Bool)?
        while true {
            let next = state.withLock { state -> Next in
                if let woken = slept.take() {
                    state.places.append(woken.place)
                    if watches, woken.isShort { state.isWorthWatching = true }
                }
                if !state.jobs.isEmpty {
                    defer { waiting.store(state.jobs.count, ordering: .releasing) }
                    return .taken(state.removeFirst(limit))
                }
                if state.isClosed { return .taken(nil) }
                if watches, state.isWorthWatching, !hasWatched { return .watch }
                if hasWatched { state.isWorthWatching = false }
                let place = state.places.popLast() ?? DispatchSemaphore(value: 0)
                state.sleeping.append(place)
                return .sleep(place)
            }
            switch next {
            case .taken(let jobs): return jobs
            case .watch:
                hasWatched = true
                let end = ContinuousClock.now + Self.watch
                while waiting.load(ordering: .acquiring) == 0, ContinuousClock.now < end { sched_yield() }
            case .sleep(let place):
                hasWatched = false
                let start = ContinuousClock.now
                place.wait()
                slept = (place, ContinuousClock.now - start < Self.watch)
            }
        }
    }

    /// Takes what is there, without waiting.
    func takeWaiting(atMost limit: Int) -> [Job] {
        state.withLock { state in
            defer { waiting.store(state.jobs.count, ordering: .releasing) }
            return state.removeFirst(limit)
        }
    }

    /// Takes no more; what is there is still handed out.
    func close() {
        let sleeping = state.withLock { state in
            state.isClosed = true
            defer { state.sleeping = [] }
            return state.sleeping
        }
        for place in sleeping { place.signal() }
    }
}
#endif
