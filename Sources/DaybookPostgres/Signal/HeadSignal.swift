#if Postgres
import DaybookCore
import Synchronization

/// How far the log is known to reach, and the tasks that wait for it to go further.
final class HeadSignal: Sendable {
    private struct State {
        var head: Int64 = 0
        var waiters: [UInt64: Waiter] = [:]
        var lastKey: UInt64 = 0
        var isClosed = false
    }

    private struct Waiter {
        var position: Int64
        var continuation: CheckedContinuation<Result<Sight, ReadError>, Never>
    }

    /// What somebody who waited is told.
    struct Sight {
        var head: Int64
        /// Whether the log ended there at some moment of the wait, and not only before it.
        var isCurrent: Bool
    }

    private let state = Mutex(State())

    var head: Int64 { state.withLock(\.head) }

    /// Whether somebody waits for the head to move.
    var isAwaited: Bool { state.withLock { !$0.waiters.isEmpty } }

    /// Who waits from now on has a later ticket.
    var ticket: UInt64 { state.withLock(\.lastKey) }

    /// Tells of a position whose event readers see, and wakes whoever waits for it. The head goes back by ``takeBack(_:to:)`` alone.
    ///
    /// - Parameter ticket: The log ended there at a moment after this ticket was the last; nil when it may have ended there
    ///   before.
    func publish(_ position: Int64, since ticket: UInt64? = nil) {
        let woken = state.withLock { state -> [(key: UInt64, value: Waiter)] in
            guard position > state.head else { return [] }
            state.head = position
            guard !state.waiters.isEmpty else { return [] }
            let ready = state.waiters.filter { $0.value.position < position }
            for key in ready.keys { state.waiters.removeValue(forKey: key) }
            return ready.sorted { $0.key < $1.key }  // Who has waited longest goes first.
        }
        for (key, waiter) in woken {
            // One who began to wait later may have been told of a higher head by another store before.
            let sight = Sight(head: position, isCurrent: ticket.map { key <= $0 } ?? false)
            waiter.continuation.resume(returning: .success(sight))
        }
    }

    /// Takes back what was told of the head: the log ends before it, as it does on a server that has taken over without having
    /// all that the last one had. Nothing is taken back when the log is known to reach further meanwhile.
    func takeBack(_ head: Int64, to actual: Int64) {
        state.withLock { if $0.head == head { $0.head = actual } }
    }

    func wait(beyond position: Int64) async throws(ReadError) -> Sight {
        let key = state.withLock { state in
            state.lastKey += 1
            return state.lastKey
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Result<Sight, ReadError>? = state.withLock { state in
                    if state.head > position { return .success(Sight(head: state.head, isCurrent: false)) }
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
        for (_, waiter) in waiters { waiter.continuation.resume(returning: .failure(.closed)) }
    }
}
#endif
