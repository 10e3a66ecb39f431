import DaybookCore
import Synchronization

/// How far a running projection has come, with a signal for those who wait for it.
package final class ProjectionProgress: Sendable {
    private struct Waiter: Sendable {
        var position: Position
        var resume: @Sendable (Result<Void, ReadModelError>) -> Void
    }

    private struct State: Sendable {
        var reached = Position.start
        var failure: ProjectionError?
        var waiters: [Int: Waiter] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var reached: Position { state.withLock(\.reached) }

    /// The projection runs, again or for the first time.
    package func begin() { state.withLock { $0.failure = nil } }

    /// The projection goes on from a position; from an earlier one than it had reached when its read model was deleted.
    package func start(at position: Position) {
        state.withLock { $0.reached = min($0.reached, position) }
        reach(position)
    }

    package func reach(_ position: Position) {
        let ready = state.withLock { state -> [Waiter] in
            guard position > state.reached else { return [] }
            state.reached = position
            guard !state.waiters.isEmpty else { return [] }
            let ready = state.waiters.filter { $0.value.position <= position }
            for id in ready.keys { state.waiters[id] = nil }
            return Array(ready.values)
        }
        for waiter in ready { waiter.resume(.success(())) }
    }

    /// The projection has stopped with an error: whoever waits would wait for ever.
    package func fail(_ error: ProjectionError) {
        let waiters = state.withLock { state in
            state.failure = error
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(.failure(.stopped(error))) }
    }

    package func wait(for position: Position) async throws(ReadModelError) {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        let result: Result<Void, ReadModelError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let immediate: Result<Void, ReadModelError>? = state.withLock { state in
                    if state.reached >= position { return .success(()) }
                    if let failure = state.failure { return .failure(.stopped(failure)) }
                    if Task.isCancelled { return .failure(.cancelled) }
                    state.waiters[id] = Waiter(position: position) { continuation.resume(returning: $0) }
                    return nil
                }
                if let immediate { continuation.resume(returning: immediate) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(.failure(.cancelled))
        }
        try result.get()
    }
}
