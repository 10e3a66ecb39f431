import Foundation
import Synchronization

/// Threads that can be waited for, each with a worker.
final class ThreadGroup: WorkerGroup {
    private struct State {
        var running = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Drives a worker on a thread of its own.
    func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>) {
        state.withLock { $0.running += 1 }
        let box = Box(worker)
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

    /// Runs a body on a thread of its own.
    func start(_ name: String, once body: @escaping @Sendable () -> Void) {
        start(name, stackBytes: 1 << 20, Owned(OneStep(body)))
    }

    private final class OneStep: Worker {
        private let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) { self.body = body }

        func step(waits: Bool) -> WorkerStep {
            body()
            return .ended
        }
    }

    func waitForEnd() async {
        await withCheckedContinuation { continuation in
            let hasEnded = state.withLock { state in
                if state.running > 0 { state.waiting.append(continuation) }
                return state.running == 0
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Lets go of the worker once it has ended.
    private final class Box: Sendable {
        private let worker: Mutex<Owned<any Worker>?>

        init(_ worker: Owned<any Worker>) { self.worker = Mutex(worker) }

        func run() {
            let worker = self.worker.withLock { worker in
                defer { worker = nil }
                return worker
            }
            guard let worker = worker?.value else { return }
            while worker.step(waits: true) != .ended {}
        }
    }
}
