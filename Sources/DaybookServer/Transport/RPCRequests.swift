#if Server
import NIOCore
import Synchronization

/// The messages that a client sends on one call, in order. One task reads them.
///
/// Messages wait here until they are read; while more than ``bytesHeld`` wait, nothing more is taken from the connection. What waits
/// counts to the connection's ``RPCMemory``; a method that keeps what it has read counts that by ``hold``.
final class RPCRequests: Sendable {
    private struct State {
        var waiting: [ByteBuffer] = []
        var first = 0
        var bytes = 0
        var end: Result<Void, RPCStatus>?
        var reader: CheckedContinuation<ByteBuffer?, any Error>?
        /// Asks for more of the stream; there while the stream is stopped.
        var resume: (@Sendable () -> Void)?

        mutating func take() -> ByteBuffer? {
            guard first < waiting.count else { return nil }
            let message = waiting[first]
            waiting[first] = ByteBuffer()
            first += 1
            bytes -= RPCRequests.size(of: message)
            if first == waiting.count {
                waiting.removeAll(keepingCapacity: true)
                first = 0
            } else if first >= 64, first >= waiting.count / 2 {
                // Else the places of a queue that never becomes empty would be kept for ever.
                waiting.removeFirst(first)
                first = 0
            }
            return message
        }
    }

    /// How many bytes of messages may wait for the method before the client has to.
    static let bytesHeld = 1 << 20
    /// What each takes beside its bytes, of which it may have none.
    static let messageOverhead = 64

    private static func size(of message: ByteBuffer) -> Int { messageOverhead + message.readableBytes }

    /// What the call holds of the connection's memory.
    let hold: RPCHold
    private let state = Mutex(State())

    init(hold: RPCHold) { self.hold = hold }

    /// The next message; nil when the client has sent its last.
    ///
    /// - Throws: ``RPCStatus`` when the call ended otherwise, `CancellationError` when the task was cancelled.
    func next() async throws -> ByteBuffer? {
        if let message = takeAtHand() { return message }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (answer, resume) = state.withLock {
                    state -> (Result<ByteBuffer?, any Error>?, (@Sendable () -> Void)?) in
                    if Task.isCancelled { return (.failure(CancellationError()), nil) }
                    if let message = state.take() {
                        hold.giveBack(Self.size(of: message))
                        guard state.bytes <= Self.bytesHeld / 2, let resume = state.resume else {
                            return (.success(message), nil)
                        }
                        state.resume = nil
                        return (.success(message), resume)
                    }
                    if let end = state.end { return (end.map { nil }.mapError { $0 }, nil) }
                    state.reader = continuation
                    return (nil, nil)
                }
                resume?()
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let reader = state.withLock { state in
                defer { state.reader = nil }
                return state.reader
            }
            reader?.resume(throwing: CancellationError())
        }
    }

    /// A message that waits, without the cost of waiting for it. The stream that was stopped is not read on from here.
    private func takeAtHand() -> ByteBuffer? {
        guard let message = state.withLock({ state in state.resume == nil ? state.take() : nil }) else { return nil }
        hold.giveBack(Self.size(of: message))
        return message
    }

    /// Whether the stream may be read on; when it may not, `resume` is called as soon as it may.
    func mayRead(orElse resume: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.bytes > Self.bytesHeld else { return true }
            state.resume = resume
            return false
        }
    }

    /// - Throws: RESOURCE_EXHAUSTED when there is no room for it.
    func deliver(_ message: ByteBuffer) throws(RPCStatus) {
        try hold.take(Self.size(of: message))
        let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            if let reader = state.reader {
                state.reader = nil
                return reader
            }
            // Of a call that has ended, nothing more is read.
            guard state.end == nil else { return nil }
            state.waiting.append(message)
            state.bytes += Self.size(of: message)
            return nil
        }
        guard let reader else { return }
        hold.giveBack(Self.size(of: message))
        reader.resume(returning: message)
    }

    /// No message follows. What waits is still read, unless the call has failed.
    func finish(_ end: Result<Void, RPCStatus> = .success(())) {
        let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
            guard state.end == nil else { return nil }
            state.end = end
            if case .failure = end {
                state.waiting = []
                state.first = 0
                state.bytes = 0
            }
            defer { state.reader = nil }
            return state.reader
        }
        switch end {
        case .success: reader?.resume(returning: nil)
        case .failure(let status): reader?.resume(throwing: status)
        }
    }
}
#endif
