import DaybookCore
import Synchronization

/// Lets the tasks of a process change a stream one after another, in the order in which they asked: those who met here
/// do not conflict in the store.
///
/// - Complexity: an uncontended turn costs two dictionary operations under a lock, and never suspends.
final class StreamTurns: Sendable {
    private struct Waiter: Sendable {
        var id: Int
        var resume: @Sendable (Bool) -> Void
    }

    private struct Queue: Sendable {
        var waiters: [Waiter] = []
        /// Waiters before this one have had their turn.
        var first = 0
    }

    private struct State: Sendable {
        /// The streams whose turn is taken, each with those who wait for it.
        var queues: [StreamName: Queue] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    /// Waits for the turn; false when the task was cancelled before it came.
    func take(_ stream: StreamName) async -> Bool {
        let isFree = state.withLock { state in
            guard state.queues[stream] == nil else { return false }
            state.queues[stream] = Queue()
            return true
        }
        return isFree ? true : await wait(for: stream)
    }

    /// Gives the turn to the next, if any.
    func give(_ stream: StreamName) {
        let next: Waiter? = state.withLock { state in
            guard var queue = state.queues[stream], queue.first < queue.waiters.count else {
                state.queues[stream] = nil
                return nil
            }
            let waiter = queue.waiters[queue.first]
            queue.first += 1
            if queue.first > 32, queue.first * 2 > queue.waiters.count {
                queue.waiters.removeFirst(queue.first)
                queue.first = 0
            }
            state.queues[stream] = queue
            return waiter
        }
        next?.resume(true)
    }

    private func wait(for stream: StreamName) async -> Bool {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.queues[stream] == nil {
                        state.queues[stream] = Queue()
                        return true
                    }
                    state.queues[stream]?.waiters.append(Waiter(id: id) { continuation.resume(returning: $0) })
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let queue = state.queues[stream],
                    let index = queue.waiters.indices.dropFirst(queue.first).first(where: { queue.waiters[$0].id == id }
                    )
                else { return nil }
                return state.queues[stream]?.waiters.remove(at: index)
            }
            waiter?.resume(false)
        }
    }
}
