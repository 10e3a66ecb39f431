import Dispatch
import Synchronization

/// A queue between tasks, which add, and threads, which wait.
///
/// Only a thread that sleeps is woken, and not under the lock, which it would run into at once.
final class BlockingQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var isClosed = false
        /// Threads that sleep, and are not being woken yet.
        var sleeping = 0

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

    private let state = Mutex(State())
    private let wakeUps = DispatchSemaphore(value: 0)

    /// - Returns: False when the queue is closed: the element was not added.
    func add(_ element: Element) -> Bool {
        let (isAdded, wakes) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.elements.append(element)
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
        while true {
            let taken = state.withLock { state -> [Element]?? in
                if !state.elements.isEmpty { return state.removeFirst(limit) }
                if state.isClosed { return .some(nil) }
                state.sleeping += 1
                return nil
            }
            if let taken { return taken }
            wakeUps.wait()
        }
    }

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
            defer { state.sleeping = 0 }
            return state.sleeping
        }
        for _ in 0..<sleeping { wakeUps.signal() }
    }
}
