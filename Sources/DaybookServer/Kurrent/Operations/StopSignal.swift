#if Server
import Synchronization

/// A wish that something ends, said once, and waited for by one task.
final class StopSignal: Sendable {
    private struct State {
        var isGiven = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    func give() {
        let waiter = state.withLock { state in
            state.isGiven = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when the wish was said, before or now, or when the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isGiven || Task.isCancelled { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
#endif
