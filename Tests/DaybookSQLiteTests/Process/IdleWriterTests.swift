import CFaultFileSystem
import CSQLite
import DaybookCore
import Synchronization
import Testing

@testable import DaybookSQLite

@Suite("A writer that nobody waits for")
struct IdleWriterTests {
    @Test("tries a part of the index that the disk has no room for once, and again with the next append")
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let scheduling = SteppedScheduling()
        var configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 20)
        configuration.scheduling = scheduling
        let store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: configuration)
        let committer = store.committer

        var faults = 0
        for _ in 0..<20 where faults == 0 {
            try await append(to: committer, scheduling)
            let before = disk.faults(.write)
            disk.breakCall(.write, of: "-wal", count: nil, result: SQLITE_FULL)
            var steps = 0
            while steps < 100, scheduling.step("daybook-writer") == .worked { steps += 1 }
            #expect(steps < 100)
            faults = disk.faults(.write) - before
            disk.repair()
        }
        #expect(faults > 0, "No part of the index was due.")
        try await append(to: committer, scheduling)
        #expect(committer.currentStatus.indexSegments > 0)
        await store.close()
    }

    @Test("and meets a sync that fails tells of it, before the next append is refused")
    func failedSync() async throws {
        let directory = try TemporaryDirectory()
        let disk = try FaultyDisk()
        let scheduling = SteppedScheduling()
        var configuration = SQLiteEventStore.Configuration.faulty(disk, indexEntriesInMemory: 20)
        configuration.scheduling = scheduling
        let store = try await SQLiteEventStore.open(directory.path("log.daybook"), configuration: configuration)
        let committer = store.committer

        var faults = 0
        for _ in 0..<20 where faults == 0 {
            try await append(to: committer, scheduling)
            let before = disk.faults(.sync)
            disk.breakCall(.sync, of: "-wal", count: nil)
            while scheduling.step("daybook-writer") == .worked {}
            faults = disk.faults(.sync) - before
            disk.repair()
        }
        #expect(faults > 0, "No part of the index was due.")
        #expect(committer.currentStatus.failure != nil)
        await #expect(throws: AppendError.self) { try await append(to: committer, scheduling) }
        await store.close()
    }

    /// Appends an event, which the writer takes in one step.
    private func append(to committer: GroupCommitter, _ scheduling: SteppedScheduling) async throws {
        let request = AppendRequest(writes: [
            StreamWrite(stream: "idle-1", action: .append([NewEvent(type: "Counted", data: [1])]))
        ])
        let outcome = await AppendSubmission(request).result { submission in
            let isAdded = committer.submit(.append(submission))
            _ = scheduling.step("daybook-writer")
            return isAdded
        }
        _ = try outcome.get()
    }
}

/// Has the workers of a store do a step when it is told to.
private final class SteppedScheduling: Scheduling {
    private final class Group: WorkerGroup {
        private let workers = Mutex<[(name: String, worker: Owned<any Worker>)]>([])

        func start(_ name: String, stackBytes: Int, _ worker: Owned<any Worker>) {
            workers.withLock { $0.append((name: name, worker: worker)) }
        }

        func worker(_ name: String) -> Owned<any Worker>? {
            workers.withLock { workers in workers.first { $0.name == name }?.worker }
        }

        /// A worker that does not end is left alone after so many steps.
        private static let mostSteps = 10_000

        func waitForEnd() async {
            let ending = workers.withLock { workers in
                defer { workers = [] }
                return workers
            }
            for (_, worker) in ending {
                var hasEnded = false
                for _ in 0..<Self.mostSteps where !hasEnded { hasEnded = worker.value.step(waits: false) == .ended }
            }
        }
    }

    private let groups = Mutex<[Group]>([])

    func makeGroup() -> any WorkerGroup {
        let group = Group()
        groups.withLock { $0.append(group) }
        return group
    }

    func run(_ body: @escaping @Sendable () -> Void) { ThreadScheduling().run(body) }

    func resume(_ bodies: [@Sendable () -> Void]) { for body in bodies { body() } }

    func step(_ name: String) -> WorkerStep {
        let groups = groups.withLock { $0 }
        for group in groups {
            if let worker = group.worker(name) { return worker.value.step(waits: false) }
        }
        return .ended
    }
}
