/// Runs tasks on the thread of the simulation, which says which one goes on next.
final class SeededExecutor: TaskExecutor, @unchecked Sendable {
    private var jobs: [UnownedJob] = []

    /// Tasks that can go on.
    var count: Int { jobs.count }

    func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }

    func run(_ index: Int) { jobs.remove(at: index).runSynchronously(on: asUnownedTaskExecutor()) }

    func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }
}
