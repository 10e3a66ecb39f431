#if Webhook
import Synchronization

/// Lets so many requests through at once; the others wait their turn, first come, first served.
final class WebhookTurns: Sendable {
    private struct State {
        var free: Int
        var next = 0
        var waiting: [(id: Int, resume: CheckedContinuation<Bool, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// - Returns: What `body` does; nil when the task was cancelled while it waited.
    func take<Result>(_ body: () async -> Result) async -> Result? {
        guard await wait() else { return nil }
        defer { give() }
        return await body()
    }

    private func wait() async -> Bool {
        let id = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((id, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                state.waiting.firstIndex { $0.id == id }.map { state.waiting.remove(at: $0).resume }
            }
            waiter?.resume(returning: false)
        }
    }

    private func give() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().resume
        }
        next?.resume(returning: true)
    }
}
#endif
