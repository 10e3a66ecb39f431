#if Client
import NIOCore
import Synchronization

/// One call on its way to the server, and the task that waits for its answer. What happens first ends it: the answer, the end of
/// the connection, of its time, or of the task.
final class ClientCall: Sendable {
    typealias Outcome = Result<[UInt8], CallFailure>

    private struct State {
        enum Phase {
            case idle
            /// Nothing of it has left.
            case waiting
            /// The server may have it.
            case sent
            case finished
        }

        var phase = Phase.idle
        var isCancelled = false
        var continuation: CheckedContinuation<Outcome, Never>?
        var timer: Scheduled<Void>?
        var reset: (@Sendable () -> Void)?
    }

    let path: String
    /// Beside those that every call has; names are in lower case.
    let headers: [String: String]
    /// The message behind the five bytes that stand in front of one.
    let body: ByteBuffer
    /// Nil for a call that may wait for long.
    let deadline: NIODeadline?
    private let state = Mutex(State())

    init(path: String, headers: [String: String] = [:], body: ByteBuffer, deadline: NIODeadline?) {
        self.path = path
        self.headers = headers
        self.body = body
        self.deadline = deadline
    }

    /// Waits for the outcome. Cancelling the task ends the wait at once, and tells the server when it may have the call.
    ///
    /// - Parameter start: Sees to it that the call is sent.
    func outcome(start: () -> Void) async -> Outcome {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLock { state in
                    guard !state.isCancelled else {
                        state.phase = .finished
                        return true
                    }
                    state.phase = .waiting
                    state.continuation = continuation
                    return false
                }
                guard !isCancelled else {
                    return continuation.resume(returning: .failure(Self.cancelled(mayHaveEffect: false)))
                }
                start()
            }
        } onCancel: {
            state.withLock { $0.isCancelled = true }
            fail { Self.cancelled(mayHaveEffect: $0) }
        }
    }

    private static func cancelled(mayHaveEffect: Bool) -> CallFailure {
        CallFailure(.cancelled, "the task was cancelled", mayHaveEffect: mayHaveEffect)
    }

    var isFinished: Bool { state.withLock { $0.phase == .finished } }

    /// Keeps what ends the call when its time is over.
    func setTimer(_ timer: Scheduled<Void>) {
        let isFinished = state.withLock { state in
            guard state.phase != .finished else { return true }
            state.timer = timer
            return false
        }
        if isFinished { timer.cancel() }
    }

    /// To be asked before the first byte leaves.
    ///
    /// - Parameter reset: Tells the server that nobody waits any more.
    /// - Returns: False when nobody waits already, and nothing is to be sent.
    func begin(reset: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.phase == .waiting else { return false }
            state.phase = .sent
            state.reset = reset
            return true
        }
    }

    func succeed(_ answer: [UInt8]) {
        let (continuation, timer, _, _) = end()
        timer?.cancel()
        continuation?.resume(returning: .success(answer))
    }

    /// Ends the call; nothing happens when it has ended already.
    ///
    /// - Parameter failure: Made of whether the server may have the call.
    func fail(_ failure: (Bool) -> CallFailure) {
        let (continuation, timer, reset, isSent) = end()
        timer?.cancel()
        guard let continuation else { return }
        reset?()
        continuation.resume(returning: .failure(failure(isSent)))
    }

    private func end() -> (CheckedContinuation<Outcome, Never>?, Scheduled<Void>?, (@Sendable () -> Void)?, Bool) {
        state.withLock { state in
            // Before there is a continuation, whoever makes it finds that the task is cancelled.
            guard state.phase == .waiting || state.phase == .sent else { return (nil, nil, nil, false) }
            let parts = (state.continuation, state.timer, state.reset, state.phase == .sent)
            state.phase = .finished
            (state.continuation, state.timer, state.reset) = (nil, nil, nil)
            return parts
        }
    }
}
#endif
