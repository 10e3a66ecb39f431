#if Server
import Synchronization

/// Tells answers that have no end of their own, such as those to followers, that the server ends.
final class HTTPShutdown: Sendable {
    private struct State {
        var hasBegun = false
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, any Error>] = [:]
    }

    private let state = Mutex(State())

    var hasBegun: Bool { state.withLock(\.hasBegun) }

    /// The server runs anew.
    func reset() { state.withLock { $0.hasBegun = false } }

    func begin() {
        let waiting = state.withLock { state in
            state.hasBegun = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for waiter in waiting { waiter.resume() }
    }

    /// Returns when the server ends.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first.
    func wait() async throws {
        let key = state.withLock { state in
            state.next += 1
            return state.next
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    if state.hasBegun { return .success(()) }
                    state.waiting[key] = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiting.removeValue(forKey: key) }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
#endif
