import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A queue between tasks, which add, and threads, which wait.
///
/// Only a thread that sleeps is woken, and not under the lock, which it would run into at once. To wake one takes 25 to 50 µs
/// where its core sleeps too, so that one of the threads watches for a moment before it sleeps, when it is asked to, and
/// as long as that was worth it the last time: whoever asks again as soon as they were answered wakes nobody.
final class BlockingQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
        /// Threads that sleep, and are not being woken yet.
        var sleeping = 0
        /// Whether a thread watches, and will take what is added next.
        var isWatched = false
        /// Whether the last thread that watched saw something, or the last one that slept had to for a moment only.
        var isWorthWatching = false

        mutating func removeFirst(_ limit: Int) -> [Element] {
            guard elements.count > limit else {
                defer { elements = [] }
                return elements
            }
            let first = Array(elements.prefix(limit))
            elements.removeFirst(limit)
            return first
        }
    }

    /// What a thread that wants elements does next.
    private enum Next {
        case taken([Element]?)
        case watch, sleep
    }

    private let state = Mutex(State())
    private let wakeUps = DispatchSemaphore(value: 0)
    /// Tells the thread that watches, which does not take the lock, that something was added, or the queue was closed.
    private let isCalled = Atomic(false)

    /// How long a thread watches before it sleeps.
    private static var watch: Duration { .microseconds(100) }

    private let watches: Bool

    /// - Parameter watches: Whether a thread with nothing to do watches before it sleeps. It takes a core from those who
    ///   add, so that it is for work that waits for a disk, and not for work that shares the cores with them.
    init(watches: Bool) { self.watches = watches }

    /// - Returns: False when the queue is closed: the element was not added.
    func add(_ element: Element) -> Bool {
        let (isAdded, wakes) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.elements.append(element)
            if state.isWatched, state.elements.count == 1 {
                isCalled.store(true, ordering: .releasing)
                return (true, false)
            }
            guard state.sleeping > 0 else { return (true, false) }
            state.sleeping -= 1
            return (true, true)
        }
        if wakes { wakeUps.signal() }
        return isAdded
    }

    /// Waits until there is something, and takes it; nil when the queue is closed and empty.
    ///
    /// - Parameter limit: At most so many elements, the oldest first.
    func take(atMost limit: Int) -> [Element]? {
        /// Whether this thread saw something when it watched; nil when it has not watched.
        var watched: Bool?
        while true {
            let next = state.withLock { state -> Next in
                if let watched {
                    state.isWatched = false
                    state.isWorthWatching = watched
                }
                if !state.elements.isEmpty { return .taken(state.removeFirst(limit)) }
                if state.isClosed { return .taken(nil) }
                if watched == nil, state.isWorthWatching, !state.isWatched {
                    state.isWatched = true
                    isCalled.store(false, ordering: .relaxed)
                    return .watch
                }
                state.sleeping += 1
                return .sleep
            }
            switch next {
            case .taken(let elements): return elements
            case .watch: watched = watchForCall()
            case .sleep:
                watched = nil
                let start = ContinuousClock.now
                wakeUps.wait()
                if watches, ContinuousClock.now - start < Self.watch { state.withLock { $0.isWorthWatching = true } }
            }
        }
    }

    /// Waits for a moment, and lets others go first.
    ///
    /// - Returns: Whether something was added.
    private func watchForCall() -> Bool {
        let end = ContinuousClock.now + Self.watch
        repeat {
            if isCalled.load(ordering: .acquiring) { return true }
            sched_yield()
        } while ContinuousClock.now < end
        return false
    }

    /// How many elements wait.
    var count: Int { state.withLock(\.elements.count) }

    /// Takes what is there without waiting; empty when there is nothing, nil when there never will be.
    func takeWaiting(atMost limit: Int) -> [Element]? {
        state.withLock { state -> [Element]? in
            if state.elements.isEmpty { return state.isClosed ? nil : [] }
            return state.removeFirst(limit)
        }
    }

    /// The same, up to the first element that is not wanted.
    func takeWaiting(atMost limit: Int, while isWanted: (Element) -> Bool) -> [Element]? {
        state.withLock { state -> [Element]? in
            if state.elements.isEmpty { return state.isClosed ? nil : [] }
            let wanted = state.elements.prefix(limit).firstIndex { !isWanted($0) } ?? min(limit, state.elements.count)
            return wanted > 0 ? state.removeFirst(wanted) : []
        }
    }

    /// Takes no more; what is there is still handed out.
    func close() {
        let sleeping = state.withLock { state in
            state.isClosed = true
            isCalled.store(true, ordering: .releasing)
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<sleeping { wakeUps.signal() }
    }
}
