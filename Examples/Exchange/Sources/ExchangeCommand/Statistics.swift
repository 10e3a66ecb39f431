import ArgumentParser
import DaybookCore
import DaybookGRDB
import Exchange
import ExchangeStatistics
import Foundation
import GRDB

struct Statistics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what was traded of every instrument in every session, from SQL tables that follow the log.",
        discussion: """
            A trade counts when it is executed, also one that the clearing reverses later.

            The tables are in a SQLite database beside the store. They are brought up to date first, from where they were; \
            other programs may query them at any time:

              sqlite3 day.daybook.statistics 'SELECT instrument, turnover FROM trade_statistics ORDER BY turnover DESC'

            Amounts and prices in them and in --json are in ten-thousandths of a dollar. A database that was made of another \
            store is refused; it can be deleted, and is made again.

            EXAMPLE
              exchange statistics --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The database; STORE.statistics when it is left out.", valueName: "file"))
    var database: String?

    @Flag(help: "Print one JSON object a line, one for each instrument and session.")
    var json = false

    private var path: String { database ?? store.path + ".statistics" }

    func validate() throws {
        let files = [path, store.path].map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
        guard files[0] != files[1] else {
            throw ValidationError("--database is the store itself: name a file of its own.")
        }
    }

    func run() async throws {
        let lines = try await store.withStore(creates: false) { store in
            let database = try open()
            let runner = try await SQLProjectionRunner(TradeStatistics(), of: store, in: database, batchSize: 5_000)
            var bar = ProgressBar("Counting", unit: "positions")
            try await runner.catchUp { reached, head in
                bar.update(done: Int(reached.rawValue), total: Int(head.rawValue))
            }
            bar.finish()
            let lines = try await database.read { try TradeStatistics.lines(in: $0) }
            try database.close()
            return lines
        }
        guard !lines.isEmpty else { throw CommandFailure(.nothingFound, "Nothing was traded in this store.") }
        if json {
            for line in lines { try StandardOutput.json(line) }
        } else {
            try StandardOutput.write(Tables.statistics(lines))
        }
    }

    private func open() throws -> DatabasePool {
        do { return try DatabasePool(path: path) } catch let error as DatabaseError {
            throw CommandFailure(
                error.resultCode == .SQLITE_CANTOPEN ? .cannotCreate : .inputOutput,
                "The database '\(path)' cannot be opened: \(error)")
        }
    }
}
