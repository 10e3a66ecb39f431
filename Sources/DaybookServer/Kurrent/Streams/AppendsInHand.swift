#if Server
import DaybookCore
import Synchronization

/// The appends of one call that are under way. What goes beyond waits for one of them, so that a client that sends faster than the
/// store writes does not fill the memory.
final class AppendsInHand: Sendable {
    static let mostAppends = 256
    /// Their messages together, in bytes; one append that is larger is taken alone.
    static let mostBytes = 2 * Limits.appendBytes

    private struct State {
        var count = 0
        var bytes = 0
        var failure: (any Error)?
        var waiter: CheckedContinuation<Void, Never>?

        func hasRoom(for size: Int) -> Bool {
            count == 0 || (count < AppendsInHand.mostAppends && bytes + size <= AppendsInHand.mostBytes)
        }
    }

    private let state = Mutex(State())

    /// Why one of them could not be answered; nil as long as all were.
    var failure: (any Error)? { state.withLock(\.failure) }

    /// Whether somebody waits for room.
    var isAwaited: Bool { state.withLock { $0.waiter != nil } }

    /// Begins one, as soon as there is room for it. One task calls this.
    ///
    /// - Parameters:
    ///   - size: The bytes of its messages.
    ///   - isAtEase: Whether there is memory for more than one at a time.
    /// - Throws: Why one of those before it could not be answered.
    func begin(_ size: Int, isAtEase: () -> Bool) async throws {
        while true {
            let (begins, failure) = state.withLock { state -> (Bool, (any Error)?) in
                guard state.failure == nil else { return (false, state.failure) }
                guard state.hasRoom(for: size), state.count == 0 || isAtEase() else { return (false, nil) }
                state.count += 1
                state.bytes += size
                return (true, nil)
            }
            if let failure { throw failure }
            if begins { return }
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // All have ended since it was looked.
                    guard state.count > 0 else { return true }
                    state.waiter = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        }
    }

    /// One is done.
    ///
    /// - Parameter failure: Why it could not be answered.
    func end(_ size: Int, failure: (any Error)? = nil) {
        let waiter = state.withLock { state in
            state.count -= 1
            state.bytes -= size
            state.failure = state.failure ?? failure
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
#endif
