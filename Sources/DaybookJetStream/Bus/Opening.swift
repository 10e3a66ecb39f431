#if JetStream
/// Something that is opened when it is first needed, once for all who wait for it; again after it failed.
actor Opening<Value: Sendable> {
    private enum State {
        case idle
        case opening
        case open(Value)
        case closed
    }

    private let open: @Sendable () async throws(JetStreamBusError) -> Value
    private let close: @Sendable (Value) async -> Void
    private var state = State.idle
    private var waiters: [Int: CheckedContinuation<Result<Value, JetStreamBusError>, Never>] = [:]
    private var nextWaiter = 0

    init(
        open: @escaping @Sendable () async throws(JetStreamBusError) -> Value,
        close: @escaping @Sendable (Value) async -> Void
    ) {
        self.open = open
        self.close = close
    }

    /// - Throws: ``JetStreamBusError/stopped`` when it is closed, or the task was cancelled.
    func value() async throws(JetStreamBusError) -> Value {
        switch state {
        case .open(let value): return value
        case .closed: throw .stopped
        case .idle:
            state = .opening
            // Outlives the caller that began it, since others wait for it too.
            Task { await self.begin() }
        case .opening: break
        }
        nextWaiter += 1
        let number = nextWaiter
        let result: Result<Value, JetStreamBusError> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(returning: .failure(.stopped))
                } else {
                    waiters[number] = continuation
                }
            }
        } onCancel: {
            Task { await self.giveUp(number) }
        }
        return try result.get()
    }

    private func begin() async {
        do throws(JetStreamBusError) {
            let value = try await open()
            if case .closed = state {
                await close(value)
                return answer(.failure(.stopped))
            }
            state = .open(value)
            answer(.success(value))
        } catch {
            if case .opening = state { state = .idle }
            answer(.failure(error))
        }
    }

    private func answer(_ result: Result<Value, JetStreamBusError>) {
        for waiter in waiters.values { waiter.resume(returning: result) }
        waiters = [:]
    }

    private func giveUp(_ number: Int) { waiters.removeValue(forKey: number)?.resume(returning: .failure(.stopped)) }

    /// Has the next caller open it anew, unless that was done already.
    ///
    /// - Parameter isIt: Whether what is open is what is to be forgotten.
    func forget(_ isIt: @Sendable (Value) -> Bool) async {
        guard case .open(let value) = state, isIt(value) else { return }
        state = .idle
        await close(value)
    }

    /// Nothing is opened any more.
    func end() async {
        let last = state
        state = .closed
        answer(.failure(.stopped))
        if case .open(let value) = last { await close(value) }
    }
}
#endif
