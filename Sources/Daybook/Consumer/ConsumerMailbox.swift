import Synchronization

/// What a member's handlers have answered, with a signal for the task that saves the answers.
final class ConsumerMailbox: Sendable {
    private struct State: Sendable {
        var answers: [ConsumerInput] = []
        var failure: EventDecodingError?
        var waiter: CheckedContinuation<Void, Never>?
        var isCancelled = false
    }

    private let state = Mutex(State())

    func post(_ answer: ConsumerInput) { post([answer]) }

    func post(_ answers: [ConsumerInput]) {
        guard !answers.isEmpty else { return }
        let waiter = state.withLock { state in
            state.answers += answers
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// Why the member is to stop; the first reason counts.
    var failure: EventDecodingError? { state.withLock(\.failure) }

    func fail(_ error: EventDecodingError) {
        let waiter = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    func take() -> [ConsumerInput] {
        state.withLock { state in
            defer { state.answers = [] }
            return state.answers
        }
    }

    /// Returns when there is an answer or a failure, or when the task is cancelled. One task waits at a time.
    func wait() async {
        state.withLock { $0.isCancelled = false }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    let isOver = state.failure != nil || state.isCancelled || Task.isCancelled
                    if !state.answers.isEmpty || isOver { return true }
                    state.waiter = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.isCancelled = true
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume()
        }
    }
}
