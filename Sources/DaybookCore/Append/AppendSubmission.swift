import Synchronization

/// One append on its way to a store's writing thread, and the task that waits for it.
package final class AppendSubmission: Sendable {
    package typealias Outcome = Result<AppendResult, AppendError>

    package let request: AppendRequest
    /// The request's digest, when it has a command identifier.
    package let digest: UInt64
    private let state = Mutex(State.idle(isCancelled: false))

    private enum State {
        /// Not given to the writer yet.
        case idle(isCancelled: Bool)
        /// Waits for its turn; cancelling it leaves no trace.
        case queued(UnsafeContinuation<Outcome, Never>)
        /// Is being written; cancelling it ends only the wait.
        case writing(UnsafeContinuation<Outcome, Never>)
        case finished
    }

    package init(_ request: AppendRequest) {
        self.request = request
        digest = request.commandID == nil ? 0 : RequestDigest(request).value
    }

    /// Gives the submission to the writer, and waits.
    package func result(submit: @Sendable (AppendSubmission) -> Bool) async -> Outcome {
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let isCancelled = state.withLock { state in
                    if case .idle(isCancelled: true) = state {
                        state = .finished
                        return true
                    }
                    state = .queued(continuation)
                    return false
                }
                if isCancelled {
                    continuation.resume(returning: .failure(.cancelled(mayBeWritten: false)))
                } else if !submit(self) {
                    finish(.failure(.closed))
                }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Marks it as being written; false when nobody waits for it any more, and it is to be left out.
    package func begin() -> Bool {
        state.withLock { state in
            switch state {
            case .queued(let continuation):
                state = .writing(continuation)
                return true
            case .writing: return true
            case .idle, .finished: return false
            }
        }
    }

    package func finish(_ outcome: Outcome) {
        let continuation = state.withLock { state in
            defer { state = .finished }
            return switch state {
            case .queued(let continuation), .writing(let continuation): continuation
            case .idle, .finished: nil as UnsafeContinuation<Outcome, Never>?
            }
        }
        continuation?.resume(returning: outcome)
    }

    private func cancel() {
        let waiting = state.withLock { state -> (UnsafeContinuation<Outcome, Never>, Bool)? in
            switch state {
            case .idle:
                state = .idle(isCancelled: true)
                return nil
            case .queued(let continuation):
                state = .finished
                return (continuation, false)
            case .writing(let continuation):
                state = .finished
                return (continuation, true)
            case .finished: return nil
            }
        }
        waiting?.0.resume(returning: .failure(.cancelled(mayBeWritten: waiting?.1 ?? true)))
    }
}
