import DaybookSQLite

/// The workers of a store, driven by the simulation, on its one thread.
final class SimulatedScheduling: Scheduling, @unchecked Sendable {
    final class Running {
        let name: String
        fileprivate var worker: (any Worker)?
        fileprivate let group: Group
        /// Whether it is within a step: another may go on meanwhile, but not it.
        fileprivate(set) var isBusy = false
        /// Whether it found nothing to do, and nothing has happened since.
        var isIdle = false

        fileprivate init(_ name: String, _ worker: any Worker, _ group: Group) {
            self.name = name
            self.worker = worker
            self.group = group
        }
    }

    final class Group: WorkerGroup, @unchecked Sendable {
        private unowned let scheduling: SimulatedScheduling
        private var running = 0
        private var waiting: [UnsafeContinuation<Void, Never>] = []

        fileprivate init(_ scheduling: SimulatedScheduling) { self.scheduling = scheduling }

        func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>) {
            running += 1
            scheduling.workers.append(Running(name, worker.value, self))
        }

        func waitForEnd() async {
            guard running > 0 else { return }
            await withUnsafeContinuation { waiting.append($0) }
        }

        fileprivate func didEnd() {
            running -= 1
            guard running == 0 else { return }
            let waiting = self.waiting
            self.waiting = []
            for continuation in waiting { continuation.resume() }
        }
    }

    private(set) var workers: [Running] = []
    private var bodies: [@Sendable () -> Void] = []
    private var wakes = 0

    func makeGroup() -> any WorkerGroup { Group(self) }

    func run(_ body: @escaping @Sendable () -> Void) { bodies.append(body) }

    func resume(_ bodies: [@Sendable () -> Void]) { for body in bodies { body() } }

    var hasBody: Bool { !bodies.isEmpty }

    /// Runs what was given to ``run(_:)`` first.
    func runBody() { bodies.removeFirst()() }

    /// Has a worker do one step.
    func step(_ running: Running) -> WorkerStep {
        let wakes = wakes
        running.isBusy = true
        let step = running.worker?.step(waits: false) ?? .ended
        running.isBusy = false
        switch step {
        case .worked: break
        case .idle: running.isIdle = wakes == self.wakes  // Else it may have work since it looked.
        case .ended:
            workers.removeAll { $0 === running }
            running.worker = nil
            running.group.didEnd()
        }
        return step
    }

    /// Something happened: who was idle may have work.
    func wake() {
        wakes += 1
        for worker in workers { worker.isIdle = false }
    }
}
