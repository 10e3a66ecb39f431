import ArgumentParser
import DaybookCore
import DaybookSQLite
import DaybookTesting
import Foundation

/// Clients on one store that stays open.
struct RunHistories: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs clients on a store on disk, with a seed after another.",
        discussion: "Example: CheckHistories run --seeds 5 --operations 20000")

    @Option(help: "How many runs, with the seeds from 1 on.")
    var seeds = 5

    @Option(help: "Runs this seed alone. It repeats what the clients ask, not what meets what.")
    var seed: UInt64?

    @Option(help: "Calls of the clients in each run; those of a subscription that follows the log come on top.")
    var operations = 20_000

    @Option(help: "Clients that call at the same time.")
    var clients = 8

    @OptionGroup var folder: FolderOptions

    func validate() throws {
        guard seeds > 0, operations > 0, clients > 0 else {
            throw ValidationError("--seeds, --operations and --clients have to be at least 1.")
        }
    }

    func run() async throws {
        var report = HistoryRunReport(kind: "run")
        for seed in seed.map({ [$0] }) ?? (1...UInt64(seeds)).map({ $0 }) {
            let files = try HistoryFolder(in: folder.directory)
            let store = try await SQLiteEventStore.open(files.path("log.daybook"))
            let workload = HistoryWorkload(seed: seed, clients: clients, operations: operations)
            let history = try await workload.run(on: store) { done in
                HistoryProgress.show("seed \(seed): \(done) of \(operations) operations")
            }
            await store.close()
            HistoryProgress.show("seed \(seed): checking \(history.operations.count) operations")
            if report.add(history, seed: seed) { files.keep() }
        }
        try report.finish()
    }
}
