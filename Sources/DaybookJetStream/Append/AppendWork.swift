#if JetStream
import DaybookCore
import Synchronization

/// One append under way, and the caller that waits for it or has given up.
final class AppendWork: Sendable {
    private struct State {
        var isPublished = false
        var isCancelled = false
        var result: Result<AppendResult, AppendError>?
        var continuation: CheckedContinuation<Result<AppendResult, AppendError>, Never>?
        var task: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Waits for the end of what `run` does, or of the caller's task.
    func value(
        of run: @escaping @Sendable (AppendWork) async -> Result<AppendResult, AppendError>
    ) async throws(AppendError) -> AppendResult {
        let result: Result<AppendResult, AppendError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Result<AppendResult, AppendError>? in
                    if state.result == nil { state.continuation = continuation }
                    return state.result
                }
                if let early {
                    continuation.resume(returning: early)
                    return
                }
                // Outlives the caller's task: what was published is followed to its end, so that its turns are given back.
                let task = Task { self.finish(await run(self)) }
                let isCancelled = state.withLock { state in
                    state.task = task
                    return state.isCancelled
                }
                if isCancelled { task.cancel() }
            }
        } onCancel: {
            cancel()
        }
        return try result.get()
    }

    /// Whether to publish: from here on a cancelled caller is told that the append may be written.
    func mayPublish() -> Bool {
        state.withLock { state in
            guard !state.isCancelled else { return false }
            state.isPublished = true
            return true
        }
    }

    private func finish(_ result: Result<AppendResult, AppendError>) {
        let continuation = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { state.continuation = nil }
            return state.continuation
        }
        continuation?.resume(returning: result)
    }

    private func cancel() {
        let (task, result) = state.withLock { state in
            state.isCancelled = true
            return (
                state.task, Result<AppendResult, AppendError>.failure(.cancelled(mayBeWritten: state.isPublished))
            )
        }
        finish(result)
        task?.cancel()
    }
}
#endif
