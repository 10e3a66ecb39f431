import Daybook
import DaybookCore

/// The read models of the exchange, kept up to date together.
///
/// An event that cannot be taken into account stops its own documents, and no others (``parked()``).
public struct MarketReadModels: Sendable {
    /// What happens to an event that cannot be read: the account or the book that it belongs to stays as it was before.
    public static let failurePolicy = ProjectionFailurePolicy.parkKeys(limit: 100)

    let log: any EventStore
    let models: any ReadModelStore
    private let quotesRunner: ProjectionRunner<Quotes>
    private let tradesRunner: ProjectionRunner<TradeTape>
    private let cashRunner: ProjectionRunner<CashBalances>
    private let holdingsRunner: ProjectionRunner<HoldingsBalances>

    /// Of the holdings, the version that answers now.
    public init(of log: any EventStore, in models: any ReadModelStore) async throws {
        self.init(of: log, in: models, holdings: try await HoldingsBalances.answering(in: models))
    }

    /// - Parameter holdings: Their version: for a past moment the one that answers today, which a copy of the log does not
    ///   say.
    public init(of log: any EventStore, in models: any ReadModelStore, holdings: HoldingsBalances) {
        func runner<P: Projection>(_ projection: P) -> ProjectionRunner<P> {
            ProjectionRunner(projection, of: log, in: models, batchSize: 2_000, failurePolicy: Self.failurePolicy)
        }
        self.log = log
        self.models = models
        quotesRunner = runner(Quotes())
        tradesRunner = runner(TradeTape())
        cashRunner = runner(CashBalances())
        holdingsRunner = runner(holdings)
    }

    public var quotes: ReadModel<Quotes> { quotesRunner.readModel }
    public var trades: ReadModel<TradeTape> { tradesRunner.readModel }
    public var cash: ReadModel<CashBalances> { cashRunner.readModel }
    public var holdings: ReadModel<HoldingsBalances> { holdingsRunner.readModel }

    /// Follows the log until the task is cancelled.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await quotesRunner.run() }
            group.addTask { try await tradesRunner.run() }
            group.addTask { try await cashRunner.run() }
            group.addTask { try await holdingsRunner.run() }
            while try await group.next() != nil {}
        }
    }

    /// Takes everything into account that is recorded now.
    public func catchUp() async throws {
        _ = try await quotesRunner.catchUp()
        _ = try await tradesRunner.catchUp()
        _ = try await cashRunner.catchUp()
        _ = try await holdingsRunner.catchUp()
    }

    /// Returns when all of them take everything up to a position into account.
    public func wait(for position: Position) async throws {
        try await quotes.wait(for: position)
        try await trades.wait(for: position)
        try await cash.wait(for: position)
        try await holdings.wait(for: position)
    }

    /// What every account has, richest first.
    ///
    /// - Complexity: O(accounts × instruments).
    public func accounts() async throws -> [AccountStatement] {
        var prices: [String: Price] = [:]
        for (key, board) in try await quotes.documents(limit: 10_000) {
            prices[key] = board.last ?? board.quote.bid?.price ?? board.quote.ask?.price
        }
        var statements: [String: AccountStatement] = [:]
        var last: String?
        while true {
            let page = try await cash.documents(after: last, limit: 1_000)
            for (key, balance) in page {
                statements[key, default: AccountStatement(account: AccountID(rawValue: key))].cash = balance
            }
            guard page.count == 1_000 else { break }
            last = page.last?.key
        }
        last = nil
        while true {
            let page = try await holdings.documents(after: last, limit: 1_000)
            for (key, balance) in page {
                var statement = statements[key] ?? AccountStatement(account: AccountID(rawValue: key))
                statement.holdings = balance
                for (instrument, position) in balance.positions {
                    statement.sharesWorth += (prices[instrument] ?? 0) * position.total
                }
                statements[key] = statement
            }
            guard page.count == 1_000 else { break }
            last = page.last?.key
        }
        return statements.values.sorted { ($1.worth, $0.account) < ($0.worth, $1.account) }
    }
}
