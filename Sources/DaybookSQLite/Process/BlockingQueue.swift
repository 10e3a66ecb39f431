import Foundation

/// A queue between tasks, which add, and threads, which wait.
final class BlockingQueue<Element: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    private var elements: [Element] = []
    private var isClosed = false

    /// - Returns: False when the queue is closed: the element was not added.
    func add(_ element: Element) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        guard !isClosed else { return false }
        elements.append(element)
        condition.signal()
        return true
    }

    /// Waits until there is something, and takes it; nil when the queue is closed and empty.
    ///
    /// - Parameter limit: At most so many elements, the oldest first.
    func take(atMost limit: Int) -> [Element]? {
        condition.lock()
        defer { condition.unlock() }
        while elements.isEmpty {
            if isClosed { return nil }
            condition.wait()
        }
        return removeFirst(limit)
    }

    /// Takes what is there without waiting; empty when there is nothing, nil when there never will be.
    func takeWaiting(atMost limit: Int) -> [Element]? {
        condition.lock()
        defer { condition.unlock() }
        if elements.isEmpty { return isClosed ? nil : [] }
        return removeFirst(limit)
    }

    /// Takes no more; what is there is still handed out.
    func close() {
        condition.lock()
        defer { condition.unlock() }
        isClosed = true
        condition.broadcast()
    }

    private func removeFirst(_ limit: Int) -> [Element] {
        guard elements.count > limit else {
            let all = elements
            elements = []
            return all
        }
        let first = Array(elements.prefix(limit))
        elements.removeFirst(limit)
        return first
    }
}
