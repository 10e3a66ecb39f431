#if JetStream
import Synchronization

/// What waits: requests for their answers, messages to be sent.
final class ConnectionRequests: Sendable {
    private struct State {
        var pending: [UInt64: PendingRequest] = [:]
        /// Requests whose answer is being read, and which are therefore not in ``pending``.
        var reading: Set<UInt64> = []
        /// How some of these failed meanwhile.
        var failures: [UInt64: ConnectionFailure] = [:]
        var nextToken: UInt64 = 1
        var outgoing: [OutgoingGroup] = []
        var isDraining = false
        var isClosed = false
        var leaders = LeaderWatch()
    }

    private let state = Mutex(State())

    static func from(_ closure: UnsafeMutableRawPointer?) -> ConnectionRequests {
        Unmanaged<ConnectionRequests>.fromOpaque(closure!).takeUnretainedValue()
    }

    func newToken() -> UInt64 {
        state.withLock { state in
            state.nextToken += 1
            return state.nextToken
        }
    }

    func add(_ request: PendingRequest, for token: UInt64) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.pending[token] = request
            return true
        }
    }

    /// Returns whether the caller is to start the sending.
    func enqueue(_ group: OutgoingGroup) -> Bool {
        state.withLock { state in
            state.outgoing.append(group)
            defer { state.isDraining = true }
            return !state.isDraining
        }
    }

    func takeOutgoing() -> [OutgoingGroup]? {
        state.withLock { state in
            guard !state.outgoing.isEmpty else {
                state.isDraining = false
                return nil
            }
            defer { state.outgoing = [] }
            return state.outgoing
        }
    }

    /// Answers of one request come one after another, on the inbox's one thread.
    func take(_ message: borrowing IncomingMessage, for token: UInt64) {
        // Taken out first, so that a failure at the same moment does not answer it a second time.
        let taken: PendingRequest? = state.withLock { state in
            guard let request = state.pending.removeValue(forKey: token) else { return nil }
            state.reading.insert(token)
            return request
        }
        guard var request = taken else { return }
        let isAnswered = request.read(message)
        let failure: ConnectionFailure? = state.withLock { state in
            state.reading.remove(token)
            let failure = state.failures.removeValue(forKey: token)
            if isAnswered || failure != nil { return failure }
            if state.isClosed { return .closed }
            request.deadline = .now + request.timeout
            state.pending[token] = request
            return nil
        }
        if !isAnswered, let failure { request.fail(failure) }
    }

    func fail(_ token: UInt64, with failure: ConnectionFailure) {
        let request = state.withLock { state in
            if state.reading.contains(token) { state.failures[token] = failure }
            return state.pending.removeValue(forKey: token)
        }
        request?.fail(failure)
    }

    func failAll(with failure: ConnectionFailure) {
        let all = state.withLock { state in
            for token in state.reading { state.failures[token] = failure }
            defer { state.pending = [:] }
            return state.pending
        }
        for request in all.values { request.fail(failure) }
    }

    func failExpired() {
        let now = ContinuousClock.now
        let expired = state.withLock { state in
            let expired = state.pending.filter { $0.value.deadline < now }
            for token in expired.keys { state.pending.removeValue(forKey: token) }
            return expired
        }
        for request in expired.values { request.fail(.timedOut) }
    }

    /// Notes how a request ended that a leader has to answer; nil when it was answered.
    func note(_ failure: ConnectionFailure?) {
        state.withLock { $0.leaders.note(failure, at: .now) }
    }

    /// Whether the server of this connection has reached no leader for so long that another one is to be asked.
    func isServerToBeLeft() -> Bool {
        state.withLock { $0.leaders.isOver(at: .now) }
    }

    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            defer { state.pending = [:] }
            return state.pending
        }
        for request in all.values { request.fail(.closed) }
    }
}

/// Carries the requests through libnats.
final class ReplyBox: Sendable {
    let core: ConnectionRequests
    /// The bytes of the subject before the token.
    let skip: Int

    init(core: ConnectionRequests, skip: Int) {
        self.core = core
        self.skip = skip
    }
}
#endif
