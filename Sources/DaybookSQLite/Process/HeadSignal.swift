import DaybookCore
import Synchronization

/// The position up to which readers see the log, and the tasks that wait for it to move.
final class HeadSignal: Sendable {
    private struct State {
        var head: Int64
        var waiters: [UInt64: Waiter] = [:]
        var lastKey: UInt64 = 0
        var isClosed = false
    }

    private struct Waiter {
        var position: Int64
        var continuation: CheckedContinuation<Result<Position, ReadError>, Never>
    }

    private let state: Mutex<State>
    private let published: Atomic<Int64>

    init(head: Int64) {
        state = Mutex(State(head: head))
        published = Atomic(head)
    }

    var head: Int64 { published.load(ordering: .acquiring) }

    /// Whether somebody waits for the head to move.
    var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Moves the head, and wakes whoever waits for it. Called by the writer when a transaction is durable.
    func publish(_ head: Int64) {
        let woken = state.withLock { state -> [Waiter] in
            // Under the lock, so that nobody who has seen it finds the one before by waiting.
            published.store(head, ordering: .releasing)
            state.head = head
            guard !state.waiters.isEmpty else { return [] }
            let ready = state.waiters.filter { $0.value.position < head }
            for key in ready.keys { state.waiters.removeValue(forKey: key) }
            // Who has waited longest goes first.
            return ready.sorted { $0.key < $1.key }.map(\.value)
        }
        for waiter in woken { waiter.continuation.resume(returning: .success(Position(head))) }
    }

    func wait(beyond position: Int64) async throws(ReadError) -> Position {
        let key = state.withLock { state in
            state.lastKey += 1
            return state.lastKey
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Result<Position, ReadError>? = state.withLock { state in
                    if state.head > position { return .success(Position(state.head)) }
                    if state.isClosed { return .failure(.closed) }
                    if Task.isCancelled { return .failure(.cancelled) }
                    state.waiters[key] = Waiter(position: position, continuation: continuation)
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: key) }
            waiter?.continuation.resume(returning: .failure(.cancelled))
        }
        return try result.get()
    }

    /// Ends every wait with ``ReadError/closed``.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for (_, waiter) in waiters.sorted(by: { $0.key < $1.key }) {
            waiter.continuation.resume(returning: .failure(.closed))
        }
    }
}
