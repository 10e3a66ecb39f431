import ArgumentParser
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation

/// Clients in a process that is killed again and again.
struct KillHistories: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Kills the process of clients and store many times, and checks all its lives as one history.",
        discussion: """
            The process is killed at a call to the file system that writes or syncs, or when an append has its answer and \
            nobody was told. Example: CheckHistories kill --seeds 5 --kills 20
            """)

    @Option(help: "How many runs, with the seeds from 1 on.")
    var seeds = 5

    @Option(help: "Runs this seed alone. It repeats the kills and what the clients ask, not what meets what.")
    var seed: UInt64?

    @Option(help: "Kills in each run.")
    var kills = 20

    @Option(help: "Clients that call at the same time.")
    var clients = 8

    @OptionGroup var folder: FolderOptions

    func validate() throws {
        guard seeds > 0, kills > 0, clients > 0 else {
            throw ValidationError("--seeds, --kills and --clients have to be at least 1.")
        }
    }

    func run() async throws {
        var report = HistoryRunReport(kind: "kill")
        let worker = URL(fileURLWithPath: CommandLine.arguments[0])
        for seed in seed.map({ [$0] }) ?? (1...UInt64(seeds)).map({ $0 }) {
            let files = try HistoryFolder(in: folder.directory)
            let run = KilledRun(worker: worker, files: files, seed: seed, clients: clients)
            for kill in 1...kills {
                try await run.live(number: kill)
                HistoryProgress.show("seed \(seed): \(kill) of \(kills) kills")
            }
            let history = try await run.finish()
            HistoryProgress.show("seed \(seed): checking \(history.operations.count) operations")
            report.kills += kills
            if report.add(history, seed: seed) { files.keep() }
        }
        try report.finish()
    }
}

/// The lives of one store's file, each of which ends by a kill.
struct KilledRun {
    struct NotKilled: Error, CustomStringConvertible {
        let point: KillPoint
        let status: Int32

        var description: String { "The process was to be killed at \(point), but ended with status \(status)." }
    }

    /// The program, which has ``WorkUntilKilled``.
    let worker: URL
    let files: HistoryFolder
    let seed: UInt64
    var clients = 8

    private var log: String { files.path("log.daybook") }
    private var record: String { files.path("history.ndjson") }

    /// Starts a process on the file, and waits for it to be killed.
    func live(number: Int) async throws {
        var mixer = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(number))
        let point = KillPoint.random(using: &mixer)
        let process = Process()
        process.executableURL = worker
        process.arguments = [
            "work", log, record, "--seed", "\(seed)", "--clients", "\(clients)", "--kill-at", point.description,
        ]
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard process.terminationReason == .uncaughtSignal, process.terminationStatus == SIGKILL else {
            throw NotKilled(point: point, status: process.terminationStatus)
        }
    }

    /// Opens the file once more, in this process, goes on a little, and returns everything.
    func finish() async throws -> History {
        let recorder = try HistoryRecorder(appendingTo: record)
        let store = try await SQLiteEventStore.open(log)
        recorder.didOpen(head: try await store.head())
        await HistoryWorkload(seed: seed, clients: clients, operations: 200).run(on: store, recorder: recorder)
        // One append of several events that nothing follows in its stream: where a torn one can be planted.
        try await RecordingStore(base: store, recorder: recorder, client: 0).append(
            (0..<3).map { NewEvent(type: "last", data: [UInt8($0)]) }, to: "last")
        let history = try await recorder.history(of: store)
        await store.close()
        return history
    }
}
