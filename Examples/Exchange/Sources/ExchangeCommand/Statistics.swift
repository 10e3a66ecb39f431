import ArgumentParser
import Daybook
import DaybookCore
import DaybookGRDB
import Exchange
import ExchangeStatistics
import Foundation
import GRDB

struct Statistics: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: """
            Shows what was traded of every instrument in every session, from SQL tables that follow the log, now or as of \
            any past moment.
            """,
        discussion: """
            A trade counts when it is executed, also one that the clearing reverses later.

            The tables are in a SQLite database beside the store. They are brought up to date first, from where they were; \
            other programs may query them at any time:

              sqlite3 day.daybook.statistics 'SELECT instrument, turnover FROM trade_statistics ORDER BY turnover DESC'

            Amounts and prices in them and in --json are in ten-thousandths of a dollar. A database that was made of another \
            store is refused; it can be deleted, and is made again.

            A trade that cannot be counted stops the lines of its instrument, and no others: they are shown as they were \
            before it, it is named, and the exit code is 1 ('exchange parked' does not list it). A program that can count it \
            takes up what was missed at its next call.

            With --as-of, the lines are shown as they were at a moment of the log (see 'exchange help accounts'): they are \
            made of the log once more, and the database is left alone. With --since, those are shown that have changed \
            since, each with the last trades that changed it. There are no lines behind a trade that cannot be counted: the \
            command fails there, and names it.

            EXAMPLES
              exchange statistics --store day.daybook
              exchange statistics --since p5000 --as-of p6000 --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The database; STORE.statistics when it is left out.", valueName: "file"))
    var database: String?

    @Option(help: ArgumentHelp("The moment to go back to.", valueName: "moment"))
    var asOf = "latest"

    @Option(help: ArgumentHelp("Show what changed from this moment on.", valueName: "moment"))
    var since: String?

    @Option(help: "With --since, how many lines to show, by instrument; all are counted.")
    var limit = 20

    @Flag(help: "Print one JSON object a line, one for each instrument and session.")
    var json = false

    private var path: String { database ?? (store.path ?? "exchange") + ".statistics" }

    func validate() throws {
        guard (1...1_000_000).contains(limit) else {
            throw ValidationError("--limit is \(limit): ask for 1 to 1,000,000.")
        }
        try LogMoment.check(asOf)
        if let since {
            try LogMoment.check(since)
            try LogMoment.checkOrder(since: since, asOf: asOf)
        }
        let files = [path, store.path].compactMap { $0 }.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().path }
        guard Set(files).count == files.count else {
            throw ValidationError("--database is the store itself: name a file of its own.")
        }
    }

    func run() async throws {
        guard let moment = LogMoment(asOf) else { return }
        try await store.withStore(creates: false) { store in
            let history = SQLProjectionHistory(TradeStatistics(), of: store)
            if let since, let earlier = LogMoment(since) {
                try await LogMoment.checkOrder(since: since, asOf: asOf, in: store)
                let changes = try await history.differences(
                    of: TradeStatistics.rows, from: earlier, to: moment, keepingFirst: limit)
                return try show(try changes.differences.map(LineDifference.init), of: changes.differenceCount)
            }
            guard moment == .latest else {
                return try show(try await history.read(asOf: moment) { try TradeStatistics.lines(in: $0) })
            }
            let (lines, parked) = try await current(of: store)
            if !lines.isEmpty || parked.isEmpty { try show(lines) }
            if let first = parked.first {
                throw CommandFailure(
                    .refused,
                    "\(parked.count.grouped) instruments are shown as they were before a trade that cannot be counted; the "
                        + "first is '\(first.key)', at position \(first.position): \(first.reason) Call again with a "
                        + "program that can count it.")
            }
        }
    }

    /// The lines as they are in the database, which is brought up to date first, and the instruments that have stopped.
    private func current(of store: any MarketStore) async throws -> ([TradeStatistics.Line], [ParkedKey]) {
        let database = try open()
        let runner = try await SQLProjectionRunner(
            TradeStatistics(), of: store, in: database, batchSize: 5_000,
            failurePolicy: MarketReadModels.failurePolicy)
        try await runner.resumeParkedKeys()
        var bar = ProgressBar("Counting", unit: "positions")
        try await runner.catchUp { reached, head in
            bar.update(done: Int(reached.rawValue), total: Int(head.rawValue))
        }
        bar.finish()
        let lines = try await database.read { try TradeStatistics.lines(in: $0) }
        let parked = try await runner.parkedKeys()
        try database.close()
        return (lines, parked)
    }

    private func show(_ lines: [TradeStatistics.Line]) throws {
        guard !lines.isEmpty else {
            throw CommandFailure(
                .nothingFound, "Nothing was traded in this store" + (asOf == "latest" ? "." : ", as of \(asOf)."))
        }
        if json {
            for line in lines { try StandardOutput.json(line) }
        } else {
            try StandardOutput.write(Tables.statistics(lines))
        }
    }

    private func show(_ differences: [LineDifference], of count: Int) throws {
        let more = count - differences.count
        if json {
            for difference in differences { try StandardOutput.json(difference) }
            if more > 0 { StandardError.line("exchange: \(more.grouped) more: see --limit.") }
            return
        }
        try StandardOutput.line("\(count.grouped) lines changed.")
        for difference in differences {
            try StandardOutput.line("\(difference.instrument) in session \(difference.session)")
            try StandardOutput.line(
                "    trades  \(difference.old?.trades.grouped ?? "none") → \(difference.new?.trades.grouped ?? "none")")
            try StandardOutput.line(
                "    shares  \(difference.old?.shares.grouped ?? "none") → \(difference.new?.shares.grouped ?? "none")")
            try StandardOutput.write(Tables.causes(difference.causes))
        }
        if more > 0 { try StandardOutput.line("\(more.grouped) more: see --limit.") }
    }

    private func open() throws -> DatabasePool {
        do { return try DatabasePool(path: path) } catch let error as DatabaseError {
            throw CommandFailure(
                error.resultCode == .SQLITE_CANTOPEN ? .cannotCreate : .inputOutput,
                "The database '\(path)' cannot be opened: \(error)")
        }
    }
}

/// A line that has changed between two moments.
private struct LineDifference: Encodable {
    var instrument: String
    var session: String
    var old: TradeStatistics.Line?
    var new: TradeStatistics.Line?
    var causes: [EventSummary]

    init(_ difference: DocumentDifference<SQLRow>) throws {
        old = try difference.old?.decode()
        new = try difference.new?.decode()
        instrument = (new ?? old)?.instrument.rawValue ?? ""
        session = (new ?? old)?.session.rawValue ?? ""
        causes = try difference.causes.map(EventSummary.init)
    }
}
