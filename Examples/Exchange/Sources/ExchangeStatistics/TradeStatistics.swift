import Daybook
import DaybookCore
import DaybookGRDB
import Exchange
import GRDB

/// What was traded of every instrument in every session: a row for both.
///
/// ```swift
/// let database = try DatabasePool(path: "statistics.sqlite")
/// try await SQLProjectionRunner(TradeStatistics(), of: store, in: database).catchUp()
/// let lines = try await database.read { try TradeStatistics.lines(in: $0) }
/// ```
///
/// The tables are `trade_statistics`, and `trade_sessions` with the session that each book is in. Prices and amounts are in
/// ten-thousandths of a dollar.
public struct TradeStatistics: SQLProjection {
    /// An instrument's trades in a session.
    public struct Line: Sendable, Hashable, Codable, FetchableRecord {
        public var instrument: Instrument
        public var session: Session
        public var trades: Int
        public var shares: Quantity
        /// The sum of the prices of all shares, without the interest on bonds.
        public var turnover: Money
        public var low: Price
        public var high: Price

        public init(
            instrument: Instrument, session: Session, trades: Int, shares: Quantity, turnover: Money, low: Price,
            high: Price
        ) {
            self.instrument = instrument
            self.session = session
            self.trades = trades
            self.shares = shares
            self.turnover = turnover
            self.low = low
            self.high = high
        }
    }

    /// A trade that cannot be counted.
    enum Problem: Error, CustomStringConvertible {
        case noSession(instrument: String)
        case tooLarge(Price, Quantity)

        var description: String {
            switch self {
            case .noSession(let instrument): "the book of \(instrument) was not opened before this trade"
            case .tooLarge(let price, let quantity): "\(quantity) shares at \(price) cost more than 64 bits can say"
            }
        }
    }

    public let name: ReadModelName = "trade-statistics-1"

    public init() {}

    public var filter: EventFilter {
        EventFilter(types: [
            "book.opened", "book.executed", "book.executionReported", "book.hiddenExecutionReported",
            "book.auctionReported", "book.openingReduced",
        ])
    }

    public func createTables(in db: Database) throws {
        // A sum that 64 bits cannot hold would become a floating-point number: a strict table refuses it.
        try db.execute(
            sql: """
                CREATE TABLE trade_sessions (
                    instrument TEXT PRIMARY KEY, session TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE trade_statistics (
                    instrument TEXT NOT NULL, session TEXT NOT NULL, trades INTEGER NOT NULL, shares INTEGER NOT NULL,
                    turnover INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL,
                    PRIMARY KEY (instrument, session)
                ) STRICT, WITHOUT ROWID;
                """)
    }

    public func dropTables(in db: Database) throws {
        try db.execute(sql: "DROP TABLE trade_statistics; DROP TABLE trade_sessions")
    }

    /// The rows of an instrument depend on the events of its book.
    public func keys(for event: OrderBook.Event, recorded: RecordedEvent) -> [String] {
        keys(forUnreadable: recorded) ?? []
    }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? {
        recorded.stream.id.map { [String($0)] }
    }

    public func apply(_ event: OrderBook.Event, recorded: RecordedEvent, in db: Database) throws {
        guard let instrument = recorded.stream.id.map(String.init) else { return }
        switch event {
        case .opened(_, let session, _, _, _):
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO trade_sessions VALUES (?, ?)
                    ON CONFLICT (instrument) DO UPDATE SET session = excluded.session
                    """)
            try upsert.execute(arguments: [instrument, session.rawValue])
        case .executed(_, _, _, _, let price, let quantity, _, _, _),
            .executionReported(_, _, _, let price, let quantity), .hiddenExecutionReported(_, let price, let quantity),
            .auctionReported(let price, let quantity), .openingReduced(_, .execution, _, let price, let quantity):
            try count(quantity, at: price, of: instrument, in: db)
        default: break
        }
    }

    private func count(_ quantity: Quantity, at price: Price, of instrument: String, in db: Database) throws {
        let (turnover, overflow) = price.rawValue.multipliedReportingOverflow(by: quantity)
        guard !overflow else { throw Problem.tooLarge(price, quantity) }
        let upsert = try db.cachedStatement(
            sql: """
                INSERT INTO trade_statistics
                SELECT instrument, session, 1, ?, ?, ?, ? FROM trade_sessions WHERE instrument = ?
                ON CONFLICT (instrument, session) DO UPDATE SET
                    trades = trades + 1, shares = shares + excluded.shares, turnover = turnover + excluded.turnover,
                    low = min(low, excluded.low), high = max(high, excluded.high)
                """)
        try upsert.execute(arguments: [quantity, turnover, price.rawValue, price.rawValue, instrument])
        guard db.changesCount == 1 else { throw Problem.noSession(instrument: instrument) }
    }

    /// All lines, as rows that can be compared.
    public static let rows = SQLQuery("SELECT * FROM trade_statistics", key: ["instrument", "session"])

    /// All lines, by instrument and then by session.
    public static func lines(in db: Database) throws -> [Line] {
        try Line.fetchAll(db, sql: "SELECT * FROM trade_statistics ORDER BY instrument, session")
    }
}
