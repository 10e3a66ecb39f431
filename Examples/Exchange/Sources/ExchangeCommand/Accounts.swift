import ArgumentParser
import Daybook
import DaybookCore
import Exchange

struct Accounts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what every account has, now or as of any past moment of the log, or what changed since one.",
        discussion: """
            A moment is one of
              latest                     the end of the log (the default)
              p5000 or position:5000     when the log had reached this position
              2026-01-05T09:45:00Z       when the store's clock showed this: what was recorded by then counts

            For a past moment the log is recorded once more up to it, into memory, and the read models are made of that: \
            the whole application as it was then, prices and all. The store itself is not changed. The time is that of \
            recording, for which 'exchange explain' and 'exchange audit' show 'recorded'; for a simulated or imported day \
            it is not the market's, which 'exchange book --as-of' goes by.

            With --since, the accounts are shown that have something else than they had at that moment, with the last events \
            that made it so.

            EXAMPLES
              exchange accounts --as-of p5000 --store day.daybook
              exchange accounts --since p5000 --as-of p6000 --store day.daybook
            """)

    @OptionGroup var store: StoreOptions

    @Option(help: ArgumentHelp("The moment to go back to.", valueName: "moment"))
    var asOf = "latest"

    @Option(help: ArgumentHelp("Show what changed from this moment on.", valueName: "moment"))
    var since: String?

    @Option(help: "How many accounts to show, richest first; with --since by name.")
    var limit = 20

    @Flag(help: "Print one JSON object a line, one for each account.")
    var json = false

    func validate() throws {
        try LogMoment.check(asOf)
        if let since {
            try LogMoment.check(since)
            try LogMoment.checkOrder(since: since, asOf: asOf)
        }
        guard limit > 0 else { throw ValidationError("--limit is \(limit): ask for at least 1.") }
    }

    func run() async throws {
        guard let moment = LogMoment(asOf) else { return }
        try await store.withStore(creates: false) { store in
            if let since, let earlier = LogMoment(since) {
                try await LogMoment.checkOrder(since: since, asOf: asOf, in: store)
                return try show(try await AccountChange.all(in: store, from: earlier, to: moment))
            }
            let holdings = try await HoldingsBalances.answering(in: store)
            let accounts: [AccountStatement]
            let head: Position
            if moment == .latest {
                accounts = try await Self.accounts(in: store, holdings)
                head = try await store.head()
            } else {
                var bar = ProgressBar("Replaying", unit: "positions")
                let past = try await Replay(of: store).inMemory(asOf: moment) { reached, end in
                    bar.update(done: Int(reached.rawValue), total: Int(end.rawValue))
                }
                bar.finish()
                accounts = try await Self.accounts(in: past, holdings)
                head = try await past.head()
            }
            guard !accounts.isEmpty else {
                throw CommandFailure(
                    .nothingFound, "No account had anything as of \(asOf), with the log at position \(head).")
            }
            if json {
                for statement in accounts.prefix(limit) { try StandardOutput.json(statement) }
                return
            }
            try StandardOutput.line(
                "\(accounts.count.grouped) accounts as of \(asOf), with the log at position \(head)")
            try StandardOutput.write(Tables.accounts(Array(accounts.prefix(limit))))
            if accounts.count > limit {
                try StandardOutput.line("\((accounts.count - limit).grouped) more: see --limit.")
            }
        }
    }

    private func show(_ changes: [AccountChange]) throws {
        if json {
            for change in changes.prefix(limit) { try StandardOutput.json(change) }
            return
        }
        try StandardOutput.line("\(changes.count.grouped) accounts changed.")
        for change in changes.prefix(limit) {
            try StandardOutput.line(change.account.rawValue)
            if let cash = change.cash {
                try StandardOutput.line(
                    "    cash    \(cash.before.total), of it \(cash.before.held) held → \(cash.after.total), of it "
                        + "\(cash.after.held) held")
            }
            if let holdings = change.holdings {
                try StandardOutput.line(
                    "    shares  \(Tables.shares(holdings.before)) → \(Tables.shares(holdings.after))")
            }
            try StandardOutput.write(Tables.causes(change.events))
        }
        if changes.count > limit {
            try StandardOutput.line("\((changes.count - limit).grouped) more: see --limit.")
        }
    }

    private static func accounts(
        in store: some EventStore & ReadModelStore, _ holdings: HoldingsBalances
    ) async throws -> [AccountStatement] {
        let models = MarketReadModels(of: store, in: store, holdings: holdings)
        try await models.catchUp()
        let parked = try await models.parked()
        if let first = parked.first {
            StandardError.line(
                "exchange: \(parked.count.grouped) documents of read models are as they were before an event that cannot be "
                    + "taken, the first '\(first.key)' before position \(first.position): see 'exchange parked'.")
        }
        return try await models.accounts()
    }
}
