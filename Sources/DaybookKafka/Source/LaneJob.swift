#if Kafka
import Daybook
import Synchronization

/// A batch that is given to the handler, again and again until it is taken or its partition was revoked.
final class LaneJob: Sendable {
    private struct State {
        var isRevoked = false
        /// The handler, or the wait before it is called again.
        var task: Task<Void, any Error>?
        var isPausing = false
    }

    let batch: ReceivedBatch
    /// The offset to commit when it was taken: that of the next record.
    let next: Int64
    private let onEnd: @Sendable (_ isTaken: Bool) -> Void
    private let state = Mutex(State())

    init(_ batch: ReceivedBatch, next: Int64, onEnd: @escaping @Sendable (_ isTaken: Bool) -> Void) {
        self.batch = batch
        self.next = next
        self.onEnd = onEnd
    }

    func run(
        _ take: @escaping @Sendable (ReceivedBatch) async throws -> Void, retries: ClosedRange<Duration>,
        report: @Sendable (KafkaError) -> Void
    ) async {
        var wait = retries.lowerBound
        var isTaken = false
        while !isTaken {
            do {
                try await perform { [batch] in try await take(batch) }
                isTaken = true
            } catch {
                if Task.isCancelled || isRevoked { break }
                report(.notTaken(lane: batch.lane, reason: "\(error)"))
                do {
                    try await perform(isPause: true) { [wait] in try await Task.sleep(for: wait) }
                } catch {
                    break
                }
                wait = min(wait * 2, retries.upperBound)
            }
        }
        onEnd(isTaken)
    }

    /// Runs the body as a task that a revocation can cancel by itself; it never outlives this call.
    private func perform(isPause: Bool = false, _ body: @escaping @Sendable () async throws -> Void) async throws {
        let task = try state.withLock { state in
            if state.isRevoked { throw CancellationError() }
            let task = Task { try await body() }
            state.task = task
            state.isPausing = isPause
            return task
        }
        defer { state.withLock { $0.task = nil } }
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    private var isRevoked: Bool { state.withLock { $0.isRevoked } }

    /// The partition goes away: the batch is not given again. A handler that runs may end.
    func revoke() {
        let pause = state.withLock { state in
            state.isRevoked = true
            return state.isPausing ? state.task : nil
        }
        pause?.cancel()
    }

    /// The handler had its time.
    func cancel() { state.withLock { $0.task }?.cancel() }
}
#endif
