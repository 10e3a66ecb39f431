#if Server
import Synchronization

/// Wakes one task that waits until there is something to do. No signal is lost: whoever waits says which ones it has seen.
final class Wakeup: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, any Error>?
    }

    private let state = Mutex(State())

    /// How often there was a signal; to be asked before looking, and given to ``wait(beyond:)`` when nothing was found.
    var count: Int { state.withLock(\.count) }

    func signal() {
        let waiter = state.withLock { state in
            state.count += 1
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Returns when there has been a signal since a count was asked for. One task waits at a time.
    ///
    /// - Throws: `CancellationError` when the task was cancelled.
    func wait(beyond count: Int) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.count > count { return .success(()) }
                    state.waiter = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
#endif
