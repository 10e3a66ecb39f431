/// Has every worker of a store hold the owner's lock: of a store that was let go without being closed the writer still writes
/// what waits, and copies the write-ahead log. Nobody else has the file before the last of them has closed its connection.
struct OwningScheduling: Scheduling {
    private let base: any Scheduling
    private let lock: OwnerLock

    init(_ base: any Scheduling, holding lock: OwnerLock) {
        self.base = base
        self.lock = lock
    }

    func makeGroup() -> any WorkerGroup { Group(base.makeGroup(), lock) }

    func run(_ body: @escaping @Sendable () -> Void) { base.run(body) }

    func resume(_ bodies: [@Sendable () -> Void]) { base.resume(bodies) }

    private struct Group: WorkerGroup {
        private let base: any WorkerGroup
        private let lock: OwnerLock

        init(_ base: any WorkerGroup, _ lock: OwnerLock) {
            self.base = base
            self.lock = lock
        }

        func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>) {
            base.start(name, stackBytes: stackBytes, Owned(OwningWorker(worker.value, lock)))
        }

        func waitForEnd() async { await base.waitForEnd() }
    }

    private final class OwningWorker: Worker {
        private var worker: (any Worker)?
        private let lock: OwnerLock

        init(_ worker: any Worker, _ lock: OwnerLock) {
            self.worker = worker
            self.lock = lock
        }

        func step(waits: Bool) -> WorkerStep { worker?.step(waits: waits) ?? .ended }

        deinit {
            // With it goes its connection, which may still write.
            worker = nil
        }
    }
}
