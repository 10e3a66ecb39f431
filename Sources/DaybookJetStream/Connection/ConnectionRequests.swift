#if JetStream
import Synchronization

/// What waits: requests for their answers, messages to be sent.
final class ConnectionRequests: Sendable {
    private struct State {
        var pending: [UInt64: PendingRequest] = [:]
        var nextToken: UInt64 = 1
        var outgoing: [OutgoingGroup] = []
        var isDraining = false
        var isClosed = false
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
        let request: PendingRequest? = state.withLock { state in
            guard let index = state.pending.index(forKey: token) else { return nil }
            state.pending.values[index].deadline = .now + state.pending.values[index].timeout
            return state.pending.values[index]
        }
        guard let request else { return }
        // Taken out first, so that a failure at the same moment does not answer it a second time.
        guard state.withLock({ $0.pending.removeValue(forKey: token) }) != nil else { return }
        if !request.read(message) {
            let isOpen = state.withLock { state in
                guard !state.isClosed else { return false }
                state.pending[token] = request
                return true
            }
            if !isOpen { request.fail(.closed) }
        }
    }

    func fail(_ token: UInt64, with failure: ConnectionFailure) {
        state.withLock { $0.pending.removeValue(forKey: token) }?.fail(failure)
    }

    func failAll(with failure: ConnectionFailure) {
        let all = state.withLock { state in
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
