import Dispatch
import Foundation

/// What drives the loops of a store: a thread for each, or a simulation that does everything on one thread, in an order
/// that a seed decides.
package protocol Scheduling: Sendable {
    /// A group of workers that are waited for together.
    func makeGroup() -> any WorkerGroup
    /// Runs something that blocks, once, away from the threads of Swift's pool.
    func run(_ body: @escaping @Sendable () -> Void)
    /// Calls each of these once, soon. None of them blocks.
    func resume(_ bodies: [@Sendable () -> Void])
}

/// Workers that can be waited for.
package protocol WorkerGroup: Sendable {
    /// Drives a worker until it has ended; it is let go before it counts as ended.
    func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>)
    /// Waits until all workers that were started have ended.
    func waitForEnd() async
}

/// A loop in single steps. Whoever drives it calls one step at a time, and none after ``WorkerStep/ended``.
package protocol Worker: AnyObject {
    /// Does one piece of work.
    ///
    /// - Parameter waits: Whether to wait when there is nothing to do.
    func step(waits: Bool) -> WorkerStep
}

package enum WorkerStep: Sendable {
    case worked
    /// There was nothing to do.
    case idle
    /// There never will be anything to do again.
    case ended
}

/// A thread for each worker.
struct ThreadScheduling: Scheduling {
    func makeGroup() -> any WorkerGroup { ThreadGroup() }

    func run(_ body: @escaping @Sendable () -> Void) { Thread.detachNewThread(body) }

    /// To resume a task takes most of a microsecond, of which the writer has better use when there are many.
    func resume(_ bodies: [@Sendable () -> Void]) {
        guard bodies.count >= Self.manyBodies else {
            for body in bodies { body() }
            return
        }
        DispatchQueue.global(qos: .userInitiated).async { for body in bodies { body() } }
    }

    private static let manyBodies = 16
}
