#if Server
import DaybookCore
import Synchronization

/// The appends without an expected revision that are being written, by their first events. Whoever repeats one before it is
/// answered waits for it, and finds it among ``RecentEvents`` then, where it is not before.
final class AppendsUnderWay: Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>

    private struct State {
        /// By the event that somebody waits for, and a number.
        var waiters: [EventID: [Int: Waiter]] = [:]
        var lastWaiter = 0
    }

    private let state = Mutex(State())

    /// Returns when no other append is under way that begins with one of these events, and this one is. To be followed by
    /// ``end(_:)``.
    ///
    /// - Throws: ``KurrentFailure/cancelled``; then it is not.
    func begin(_ events: Set<EventID>) async throws(KurrentFailure) {
        while let other = take(events) {
            do { try await wait(for: other) } catch { throw .cancelled }
        }
    }

    /// To be called when it is known, to those who ask, what became of the append.
    func end(_ events: Set<EventID>) {
        let waiters = state.withLock { state -> [Waiter] in
            var waiters: [Waiter] = []
            for event in events {
                if let waiting = state.waiters.removeValue(forKey: event) { waiters += waiting.values }
            }
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// The event that is in the way; all or none are taken, so that nobody has some and waits for others.
    private func take(_ events: Set<EventID>) -> EventID? {
        state.withLock { state -> EventID? in
            if let other = events.first(where: { state.waiters[$0] != nil }) { return other }
            for event in events { state.waiters[event] = [:] }
            return nil
        }
    }

    private func wait(for event: EventID) async throws {
        let key = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: Waiter) in
                let answer = state.withLock { state -> Result<Void, any Error>? in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.waiters[event] != nil else { return .success(()) }
                    state.waiters[event]?[key] = continuation
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters[event]?.removeValue(forKey: key) }
            waiter?.resume(throwing: CancellationError())
        }
    }
}
#endif
