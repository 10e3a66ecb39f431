import Foundation
import Synchronization

/// Threads that can be waited for.
final class ThreadGroup: Sendable {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Runs a body on a thread of its own. What the body holds is let go before the thread counts as ended.
    func start(_ name: String, stackBytes: Int = 1 << 20, _ body: consuming @escaping @Sendable () -> Void) {
        state.withLock { $0.running += 1 }
        let box = Box(body)
        let thread = Thread { [self] in
            box.run()
            let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
                state.running -= 1
                guard state.running == 0 else { return [] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
        thread.name = name
        thread.stackSize = stackBytes
        thread.start()
    }

    /// Waits until all threads that were started have ended.
    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if state.running > 0 { state.waiting.append(continuation) }
                return state.running == 0
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Lets go of the body once it has run.
    private final class Box: Sendable {
        private let body: Mutex<(@Sendable () -> Void)?>

        init(_ body: @escaping @Sendable () -> Void) { self.body = Mutex(body) }

        func run() {
            let body = self.body.withLock { body in
                defer { body = nil }
                return body
            }
            body?()
        }
    }
}
