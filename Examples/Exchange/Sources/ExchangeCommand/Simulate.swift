import ArgumentParser
import DaybookCore
import DaybookSQLite
import Exchange
import Foundation

struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a trading day of its own, records it durably, and shows what can be asked of it.",
        discussion: """
            Traders without intelligence send limit orders, orders that trade at once, and deletions, to the books of five \
            instruments. Each order first holds the cash or shares that it needs; each execution is settled, delivery \
            against payment. Every step is an event, durable before the next one builds on it.

            The same seed makes the same day. A day that was interrupted is gone on with by running it again on its store.
            """)

    @Option(help: "How many orders are submitted over all instruments.")
    var orders = 100_000

    @Option(help: "Where the day's chance comes from.")
    var seed: UInt64 = 1

    @Option(help: "How many traders there are.")
    var traders = 100

    @Flag(help: "List a bond, too: its trades pay accrued interest beside the price.")
    var bonds = false

    @OptionGroup var store: StoreOptions

    @Flag(
        help: """
            Record the commands of cash accounts beside their events, so that 'exchange rules' can decide them again.
            """)
    var recordCommands = false

    @Flag(help: "Print the outcome as one JSON object, and no tables.")
    var json = false

    func validate() throws {
        guard (1...100_000_000).contains(orders) else {
            throw ValidationError("--orders is \(orders): ask for 1 to 100,000,000.")
        }
        guard (1...400).contains(traders) else { throw ValidationError("--traders is \(traders): ask for 1 to 400.") }
    }

    func run() async throws {
        var configuration = OrderFlow.Configuration()
        configuration.seed = seed
        configuration.orders = orders
        configuration.traders = traders
        if bonds { configuration.listings.append(OrderFlow.Listing.bondExample) }
        var flow = OrderFlow(configuration)
        var outcome = SimulationOutcome(seed: seed)

        let before = try await store.withStore(creates: true) { store in
            try await record(&flow, in: store, outcome: &outcome)
        }
        if !json {
            try StandardOutput.line("\nRestart: the store is closed, and opened again.")
        }
        try await store.withStore(creates: false) { store in
            try await compare(store, with: before, flow, outcome: &outcome)
            try await verify(store, outcome: &outcome)
        }
        if json { try StandardOutput.json(outcome) }
    }

    /// What the read models and the log said at one time.
    private struct Picture: Equatable {
        var head: Position
        var boards: [Quotes.Board]
        var accounts: [AccountStatement]
        var storySteps: Int
    }

    private func record(
        _ flow: inout OrderFlow, in store: any MarketStore, outcome: inout SimulationOutcome
    ) async throws -> Picture {
        let models = try await MarketReadModels(of: store, in: store)
        let following = Task { try await models.run() }  // Ended below, however the recording ends.
        defer { following.cancel() }
        let floor = TradingFloor(in: store, snapshots: store, recording: recordCommands ? .carriedOut : .none)
        var bar = ProgressBar("Trading", unit: "orders")
        let start = ContinuousClock.now
        let opened = try await floor.record(flow.openings, named: "\(flow.name):open")
        var position = opened.position
        outcome.events = opened.events
        var round = 0
        while let next = try flow.nextRound() {
            round += 1
            let recorded = try await floor.record(next, named: "\(flow.name):\(round)")
            position = recorded.position
            outcome.events += recorded.events
            outcome.executions += recorded.executions
            bar.update(
                done: flow.orderCount, total: orders,
                note: "\(outcome.events.grouped) events, \(outcome.executions.grouped) executions")
        }
        let recordingSeconds = (ContinuousClock.now - start) / .seconds(1)
        outcome.orders = flow.orderCount
        outcome.recordingSeconds = recordingSeconds
        bar.finish()
        // Those that are due are saved, and those of former programs deleted.
        try await floor.cash.pruneSnapshots()
        try await models.wait(for: position)
        let readModelSeconds = (ContinuousClock.now - start) / .seconds(1) - recordingSeconds
        let picture = try await picture(of: store, models, flow)
        following.cancel()
        try? await following.value
        if !json {
            try StandardOutput.line(
                "\(outcome.orders.grouped) orders and \(outcome.events.grouped) events recorded durably in "
                    + "\(Self.tenths(recordingSeconds)) s (\(Int(Double(outcome.orders) / recordingSeconds).grouped) orders/s, "
                    + "\(Int(Double(outcome.events) / recordingSeconds).grouped) events/s); read models up to date "
                    + "\(Self.tenths(readModelSeconds)) s later.")
            try await show(picture, flow, floor, store)
        }
        return picture
    }

    private func picture(
        of store: any MarketStore, _ models: MarketReadModels, _ flow: OrderFlow
    ) async throws -> Picture {
        let instruments = Set(flow.configuration.listings.map(\.instrument))
        return Picture(
            head: try await store.head(),
            boards: try await models.quotes.documents(limit: 1_000).map(\.document)
                .filter { instruments.contains($0.instrument) },
            accounts: try await models.accounts(),
            storySteps: try await OrderStory(of: flow.eventfulOrder, in: store).steps.count)
    }

    private func show(
        _ picture: Picture, _ flow: OrderFlow, _ floor: TradingFloor, _ store: any MarketStore
    ) async throws {
        try StandardOutput.line("\nClosing quotes")
        try StandardOutput.write(Tables.closing(picture.boards))
        let history = BookHistory(in: store)
        for listing in flow.configuration.listings {
            let book = try await floor.books.state(of: listing.instrument.rawValue)
            try StandardOutput.line("\nClosing book of \(listing.instrument), \(book.state.orderCount.grouped) orders")
            try StandardOutput.write(Tables.depth(of: book.state, levels: 3))
        }
        try StandardOutput.line("\nTop accounts")
        try StandardOutput.write(Tables.accounts(Array(picture.accounts.prefix(5))))
        guard let listing = flow.configuration.listings.first else { return }
        let noon = "\(flow.configuration.session)T12:00:00Z"
        if let moment = MarketMoment(noon), let entry = try await history.book(of: listing.instrument, asOf: moment) {
            try StandardOutput.line("\nA past moment: exchange book \(listing.instrument) --as-of \(noon)")
            try StandardOutput.write(Tables.book(entry, of: listing.instrument, levels: 5))
        }
        try StandardOutput.line("\nAn order's story: exchange audit \(flow.eventfulOrder)")
        try StandardOutput.write(Tables.story(try await OrderStory(of: flow.eventfulOrder, in: store)))
        guard let order = flow.interestOrder else { return }
        try StandardOutput.line("\nBonds bought with their interest: exchange audit \(order)")
        try StandardOutput.write(Tables.story(try await OrderStory(of: order, in: store)))
    }

    /// Makes everything from the opened file anew, and compares it with what was there before, and with the order flow's
    /// own books and accounts.
    private func compare(
        _ store: any MarketStore, with before: Picture, _ flow: OrderFlow, outcome: inout SimulationOutcome
    ) async throws {
        let models = try await MarketReadModels(of: store, in: store)
        let after = try await picture(of: store, models, flow)
        var differences: [String] = []
        if after.head != before.head { differences.append("the log ends at \(after.head), not \(before.head)") }
        if after.boards != before.boards { differences.append("the quotes differ") }
        if after.accounts != before.accounts { differences.append("the accounts differ") }
        if after.storySteps != before.storySteps { differences.append("the order's story differs") }
        let floor = TradingFloor(in: store, snapshots: store)  // The cash is that of snapshots and the events since.
        for listing in flow.configuration.listings {
            let book = try await floor.books.state(of: listing.instrument.rawValue).state
            if book != flow.book(of: listing.instrument) {
                differences.append("the book of \(listing.instrument) differs")
            }
        }
        let cash = after.accounts.reduce(Money.zero) { $0 + $1.cash.total }
        for (account, expectedCash, expectedHoldings) in flow.accounts() {
            let state = try await floor.cash.state(of: account.rawValue).state
            if state != expectedCash { differences.append("the cash of \(account) differs") }
            if try await floor.holdings.state(of: account.rawValue).state != expectedHoldings {
                differences.append("the holdings of \(account) differ")
            }
        }
        guard differences.isEmpty else {
            throw CommandFailure(
                .damageFound,
                "After the restart, \(differences.prefix(5).joined(separator: "; ")): run 'daybook verify'.")
        }
        outcome.restartEqual = true
        if !json {
            try StandardOutput.line(
                "Everything is there and equal: \(after.head) positions, \(after.boards.count) books, "
                    + "\(after.accounts.count) accounts with \(cash) dollars in all, the order's \(after.storySteps) events."
            )
        }
    }

    private func verify(_ store: any MarketStore, outcome: inout SimulationOutcome) async throws {
        guard let store = store as? SQLiteEventStore else { return }  // Others look after their own storage.
        let start = ContinuousClock.now
        let report = try await store.verify()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        outcome.eventsVerified = report.eventsChecked
        outcome.findings = report.findings.map(\.description)
        guard report.findings.isEmpty else {
            throw CommandFailure(
                .damageFound,
                "Verify found damage: \(report.findings.prefix(3).map(\.description).joined(separator: "; ")).")
        }
        if !json {
            try StandardOutput.line(
                "Verify: \(report.eventsChecked.grouped) events read and checked in \(Self.tenths(seconds)) s, no damage."
            )
        }
    }

    private static func tenths(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
}

/// What a simulated day came to, for programs.
struct SimulationOutcome: Encodable {
    var seed: UInt64
    var orders = 0
    var events = 0
    var executions = 0
    var recordingSeconds = 0.0
    var restartEqual = false
    var eventsVerified: Int64 = 0
    var findings: [String] = []

    init(seed: UInt64) { self.seed = seed }
}
