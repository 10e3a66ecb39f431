import ArgumentParser
import CFaultFileSystem
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation
import Synchronization

/// One life of a store: what ``KillHistories`` starts.
struct WorkUntilKilled: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work", abstract: "Runs clients on a store until the process is killed, recording what they do.",
        discussion: """
            The process kills itself at the moment given, and leaves the record of everything that was asked and answered. \
            Started again on the same files, it goes on. Example: CheckHistories work a.daybook a.ndjson --kill-at sync:20
            """)

    @Argument(help: "The store's file; made when it is not there.")
    var log: String

    @Argument(help: "The file of the record, one JSON object a line; made when it is not there.")
    var history: String

    @Option(help: "Decides what the clients ask.")
    var seed: UInt64 = 1

    @Option(help: "Clients that call at the same time.")
    var clients = 8

    @Option(help: "write:N, sync:N or answer:N: before the N-th such call to the file system, or at the N-th answer.")
    var killAt: KillPoint

    /// More than any life has, so that it ends by the kill alone.
    private static let operations = 100_000

    func run() async throws {
        let disk = try Self.disk(killingAt: killAt)
        let recorder = try HistoryRecorder(appendingTo: history)
        var configuration = SQLiteEventStore.Configuration()
        configuration.fileSystem = Self.diskName
        // Small, so that index segments are written and merged within a life.
        configuration.indexEntriesInMemory = 300
        let store = try await SQLiteEventStore.open(log, configuration: configuration)
        guard fault_fs_open_files(disk) > 0 else {
            throw ValidationError("The store does not use the file system that kills.")
        }
        recorder.didOpen(head: try await store.head())
        let dying = DyingStore(base: store, answers: killAt.kind == .answer ? killAt.number : .max)
        await HistoryWorkload(seed: seed, clients: clients, operations: Self.operations)
            .run(on: dying, recorder: recorder)
        throw ValidationError("All operations were made before \(killAt) came.")
    }

    private static let diskName = "kill"

    private static func disk(killingAt point: KillPoint) throws -> OpaquePointer {
        guard let disk = fault_fs_create(diskName) else {
            throw ValidationError("The file system that kills cannot be registered with SQLite.")
        }
        guard point.kind != .answer else { return disk }
        var rule = FaultRule(
            call: point.kind == .write ? .write : .sync, suffix: nil, first: UInt64(point.number), count: 1,
            effect: .kill, result: 0, length: 0, offset: 0, bit: 0)
        guard fault_fs_add_rule(disk, &rule) >= 0 else {
            throw ValidationError("The file system that kills does not take its rule.")
        }
        return disk
    }
}

/// A store whose process dies when it has answered so many appends, before the last answer is passed on.
private final class DyingStore: ForwardingStore {
    let base: any EventStore
    private let left: Mutex<Int>

    init(base: any EventStore, answers: Int) {
        self.base = base
        left = Mutex(answers)
    }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        let result = try await base.append(request)
        let isLast = left.withLock { left in
            left -= 1
            return left == 0
        }
        if isLast { kill(getpid(), SIGKILL) }
        return result
    }
}
