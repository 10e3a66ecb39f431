import Dispatch
import Foundation
import Synchronization

/// The program's output: bytes gathered, and written by a thread of its own, since a pipe that nobody empties blocks.
///
/// Writes that arrive while one is on its way leave together in the next. ``write(_:)`` returns when its bytes have left,
/// so that whoever waits for it holds no more than it has in hand.
final class StandardOutput: Sendable {
    /// Nobody reads the output any more.
    struct Closed: Error {}

    private struct State {
        var bytes: [UInt8] = []
        var waiters: [CheckedContinuation<Void, any Error>] = []
        var isWriting = false
        var failure: (any Error)?
    }

    static let shared = StandardOutput(descriptor: 1)

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "daybook.output")
    private let state = Mutex(State())

    init(descriptor: Int32) { self.descriptor = descriptor }

    func write(_ bytes: [UInt8]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let (failure, starts) = state.withLock { state -> ((any Error)?, Bool) in
                if let failure = state.failure { return (failure, false) }
                state.bytes.append(contentsOf: bytes)
                state.waiters.append(continuation)
                defer { state.isWriting = true }
                return (nil, !state.isWriting)
            }
            if let failure { return continuation.resume(throwing: failure) }
            if starts { queue.async { self.drain() } }
        }
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Writes what a failure may follow, which is told by the exit code also when nobody reads the output any more.
    func offer(_ bytes: [UInt8]) async throws {
        do { try await write(bytes) } catch is Closed {}
    }

    func offer(_ text: String) async throws { try await offer(Array(text.utf8)) }

    private func drain() {
        while true {
            let (bytes, waiters) = state.withLock { state in
                let taken = (state.bytes, state.waiters)
                state.bytes = []
                state.waiters = []
                if taken.1.isEmpty { state.isWriting = false }
                return taken
            }
            guard !waiters.isEmpty else { return }
            do {
                try bytes.writeAll(to: descriptor)
                for waiter in waiters { waiter.resume() }
            } catch {
                state.withLock { $0.failure = error }
                for waiter in waiters { waiter.resume(throwing: error) }
            }
        }
    }
}

extension [UInt8] {
    /// Writes everything to a file descriptor, however many calls that takes.
    func writeAll(to descriptor: Int32) throws {
        var rest = self[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                throw StandardOutput.Closed()
            } else if errno != EINTR {
                throw CommandFailure(
                    .inputOutput, "The output cannot be written (\(String(cString: strerror(errno)))): check its disk.")
            }
        }
    }
}
