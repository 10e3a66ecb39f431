import Daybook
import DaybookCore

/// A trading day of orders that nobody sent: random, and yet like those of a real market.
///
/// Traders have no intelligence, as in the models of Gode and Sunder and of Farmer and others
/// (https://doi.org/10.1073/pnas.0409157102): limit orders arrive near the best price of the other side, a few orders
/// trade at once, and every resting order is deleted at the same small rate. From these three rates come a spread, a
/// book that is deepest some ticks away from the best price, and prices that wander.
///
/// The flow keeps books and accounts of its own, as a trader watches the market on a screen, so that it submits only
/// orders that can be paid for and deletes only orders that still rest. It is a pure function of its configuration.
public struct OrderFlow: Sendable {
    public struct Configuration: Sendable, Hashable {
        public var seed: UInt64 = 1
        /// How many orders are submitted over all instruments.
        public var orders = 100_000
        public var listings: [Listing] = Listing.examples
        public var traders = 100
        public var session: Session = "2026-01-05"
        /// How many orders and deletions an instrument sees in a round; each instrument's are recorded together.
        public var arrivalsPerRound = 250
        public var openingCash: Money = .dollars(25_000_000)
        /// Of each instrument.
        public var openingShares: Quantity = 50_000

        public init() {}
    }

    /// An instrument that is listed, and where its price begins.
    public struct Listing: Sendable, Hashable {
        public var instrument: Instrument
        public var price: Price
        public var kind: InstrumentKind

        public init(_ instrument: Instrument, at price: Price, kind: InstrumentKind = .share) {
            self.instrument = instrument
            self.price = price
            self.kind = kind
        }

        public static let examples = [
            Listing("ALDER", at: 1_250_000), Listing("BIRCH", at: 482_500), Listing("CEDAR", at: 2_310_000),
            Listing("ELM", at: 97_500), Listing("ROWAN", at: 761_000),
        ]

        /// A bond of $1,000 at 5 %, with coupons in May and November.
        public static let bondExample = Listing(
            "MAPLE31", at: 9_850_000,
            kind: .bond(
                terms: BondTerms(
                    issuer: "MAPLE", faceValue: .dollars(1_000), couponRate: 500, couponsPerYear: 2,
                    issued: "2021-11-15", maturity: "2031-11-15")))
    }

    public let configuration: Configuration
    /// The orders submitted so far.
    public private(set) var orderCount = 0

    private var numbers: SeededNumbers
    private var markets: [ListedMarket]
    private var cash: [CashAccount.State]
    private var holdings: [Holdings.State]
    private let traders: [AccountID]

    /// The tick: one cent.
    private static let tick: Int64 = 100
    /// How many ticks a limit order stands away from the other side's best price, on average.
    private static let meanDistance = 14.0
    /// How far from the best price an order that wants to trade at once may reach, in ticks.
    private static let reach: Int64 = 25
    /// How many of the arriving orders want to trade at once.
    private static let marketable = 0.13
    /// The rate at which a resting order is deleted, against that at which orders arrive.
    private static let deletion = 1.0 / 2_500

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        numbers = SeededNumbers(seed: configuration.seed)
        let expected = Double(configuration.orders) * 1.5 / Double(max(1, configuration.listings.count))
        let opening = Timestamp(configuration.session.rawValue) ?? Timestamp(microseconds: 0)
        markets = configuration.listings.map { listing in
            ListedMarket(
                listing: listing, opens: opening.advanced(by: .seconds(34_200)),
                meanGap: 23_400e6 / max(1, expected))
        }
        traders = (0..<configuration.traders).map { AccountID(rawValue: Self.name(ofTrader: $0)) }
        var cash = CashAccount.initialState
        CashAccount.evolve(&cash, with: .deposited(amount: configuration.openingCash))
        var holdings = Holdings.initialState
        for listing in configuration.listings {
            Holdings.evolve(
                &holdings,
                with: .deposited(instrument: listing.instrument, quantity: configuration.openingShares))
        }
        self.cash = Array(repeating: cash, count: configuration.traders)
        self.holdings = Array(repeating: holdings, count: configuration.traders)
        for index in markets.indices {
            OrderBook.evolve(
                &markets[index].book,
                with: .opened(
                    instrument: markets[index].instrument, session: configuration.session, bids: [], asks: [],
                    kind: markets[index].listing.kind))
        }
    }

    private static func name(ofTrader index: Int) -> String {
        let number = String(index + 1)
        return "T" + String(repeating: "0", count: max(0, 3 - number.count)) + number
    }

    /// Names the day for good, in the identifiers of its commands.
    public var name: String {
        let bonds = configuration.listings.filter { $0.kind != .share }.map { "-\($0.instrument)" }.joined()
        return "flow-\(configuration.seed)-\(configuration.orders)-\(configuration.traders)\(bonds)"
    }

    /// What opens the books and the accounts, before the first round.
    public var openings: Round {
        var round = Round()
        for market in markets {
            round.books[market.instrument] = [
                Instruction(
                    .open(
                        Opening(
                            instrument: market.instrument, session: configuration.session, kind: market.listing.kind)),
                    EventMetadata(
                        actor: "exchange", reason: "the session of \(configuration.session) opens",
                        occurredAt: market.clock))
            ]
        }
        let context = EventMetadata(
            actor: "clearing house", reason: "opening balance", occurredAt: markets.first?.clock)
        for trader in traders {
            round.cash[trader] = [Instruction(.deposit(configuration.openingCash), context)]
            round.holdings[trader] = configuration.listings.map { listing in
                Instruction(.deposit(configuration.openingShares, of: listing.instrument), context)
            }
        }
        for case .bond(let terms) in configuration.listings.map(\.kind) {
            let sold = configuration.openingShares * Int64(configuration.traders)
            round.cash[terms.issuer, default: []].append(
                Instruction(
                    .deposit(terms.faceValue * sold),
                    EventMetadata(
                        actor: "clearing house", reason: "proceeds of the issue", occurredAt: markets.first?.clock)))
        }
        return round
    }

    /// The next orders and deletions of every instrument; nil when the day is over.
    ///
    /// - Throws: ``OrderBook/Rejection`` and its like when the flow's own books refuse what the flow made, which is
    ///   a mistake in the flow.
    public mutating func nextRound() throws -> Round? {
        guard orderCount < configuration.orders else { return nil }
        var round = Round()
        var movements: [Settlement] = []
        for index in markets.indices {
            for _ in 0..<configuration.arrivalsPerRound where orderCount < configuration.orders {
                try arrive(at: index, in: &round, movements: &movements)
            }
        }
        for movement in movements { try settle(movement) }
        return round
    }

    /// One order or deletion, chosen by the rates at which they come.
    private mutating func arrive(at index: Int, in round: inout Round, movements: inout [Settlement]) throws {
        let time = markets[index].advanceClock(by: numbers.fraction())
        let deletionRate = Self.deletion * Double(markets[index].book.orderCount)
        if numbers.fraction() < deletionRate / (1 + deletionRate) {
            guard let order = markets[index].randomOrder(using: &numbers) else { return }
            let context = EventMetadata(
                correlationID: "order-\(order.id)", actor: order.account?.rawValue,
                reason: "the trader no longer wants the price", occurredAt: time)
            try submit(.delete(order.id), context, at: index, in: &round, movements: &movements)
            return
        }
        guard let (order, trader) = order(at: index) else { return }
        orderCount += 1
        var context = EventMetadata(
            correlationID: "order-\(order.id)", actor: traders[trader].rawValue,
            reason: order.side == .buy ? "cash for a buy order" : "shares for a sell order", occurredAt: time)
        switch order.side {
        case .buy:
            let command = CashAccount.Command.hold(
                markets[index].book.cost(of: order.quantity, at: order.limit), for: order.id)
            for event in try CashAccount.decide(command, in: cash[trader]) {
                CashAccount.evolve(&cash[trader], with: event)
            }
            round.cash[traders[trader], default: []].append(Instruction(command, context))
        case .sell:
            let command = Holdings.Command.hold(
                order.quantity, of: markets[index].instrument, for: order.id)
            for event in try Holdings.decide(command, in: holdings[trader]) {
                Holdings.evolve(&holdings[trader], with: event)
            }
            round.holdings[traders[trader], default: []].append(Instruction(command, context))
        }
        context.reason = order.timeInForce == .day ? "the trader offers liquidity" : "the trader wants to trade at once"
        try submit(.submit(order), context, at: index, in: &round, movements: &movements)
    }

    private mutating func submit(
        _ command: OrderBook.Command, _ context: EventMetadata, at index: Int, in round: inout Round,
        movements: inout [Settlement]
    ) throws {
        let instrument = markets[index].instrument
        for event in try OrderBook.decide(command, in: markets[index].book) {
            markets[index].apply(event)
            movements += Settlement.movements(after: event, of: instrument)
        }
        round.books[instrument, default: []].append(Instruction(command, context))
    }

    /// A new order, of a trader who can pay or deliver; nil when a few traders in turn cannot.
    private mutating func order(at index: Int) -> (NewOrder, trader: Int)? {
        let side: Side = numbers.next() & 1 == 0 ? .buy : .sell
        let takes = numbers.fraction() < Self.marketable
        guard let limit = takes ? takingLimit(side, at: index) : restingLimit(side, at: index) else { return nil }
        let quantity = size()
        for _ in 0..<8 {
            let trader = numbers.below(traders.count)
            let canSettle =
                switch side {
                case .buy: markets[index].book.cost(of: quantity, at: limit) <= cash[trader].available
                case .sell: quantity <= holdings[trader].available[markets[index].instrument] ?? 0
                }
            guard canSettle else { continue }
            return (
                NewOrder(
                    id: OrderID(Int64(orderCount + 1)), account: traders[trader], side: side, limit: limit,
                    quantity: quantity, timeInForce: takes ? .immediate : .day), trader
            )
        }
        return nil
    }

    /// A limit that trades at once, some ticks beyond the other side's best price; nil when nothing is there.
    private func takingLimit(_ side: Side, at index: Int) -> Price? {
        let quote = markets[index].book.quote
        switch side {
        case .buy: return quote.ask.map { Price($0.price.rawValue + Self.reach * Self.tick) }
        case .sell: return quote.bid.map { Price(max(Self.tick, $0.price.rawValue - Self.reach * Self.tick)) }
        }
    }

    /// A limit that rests: some ticks away from the other side's best price, seldom far.
    private mutating func restingLimit(_ side: Side, at index: Int) -> Price? {
        let distance = 1 + Int64(-Self.meanDistance * Logarithm.natural(1 - numbers.fraction()))
        let quote = markets[index].book.quote
        let reference = markets[index].listing.price.rawValue
        switch side {
        case .buy:
            let other = quote.ask?.price.rawValue ?? max(reference, (quote.bid?.price.rawValue ?? 0) + Self.tick)
            return Price(max(Self.tick, other - distance * Self.tick))
        case .sell:
            let other = quote.bid?.price.rawValue ?? reference
            return Price(other + distance * Self.tick)
        }
    }

    /// Mostly round lots, some odd ones, a few large orders.
    private mutating func size() -> Quantity {
        switch numbers.below(100) {
        case 0..<55: 100
        case 55..<75: Quantity(1 + numbers.below(99))
        case 75..<95: Quantity(100 * (2 + numbers.below(4)))
        default: Quantity(100 * (6 + numbers.below(20)))
        }
    }

    private mutating func settle(_ movement: Settlement) throws {
        switch movement {
        case .cash(let account, let command):
            guard let trader = traders.firstIndex(of: account) else { return }
            for event in try CashAccount.decide(command, in: cash[trader]) {
                CashAccount.evolve(&cash[trader], with: event)
            }
        case .holdings(let account, let command):
            guard let trader = traders.firstIndex(of: account) else { return }
            for event in try Holdings.decide(command, in: holdings[trader]) {
                Holdings.evolve(&holdings[trader], with: event)
            }
        }
    }

    /// The flow's own book of an instrument, which a recording of all rounds equals.
    public func book(of instrument: Instrument) -> OrderBook.State? {
        markets.first { $0.instrument == instrument }?.book
    }

    /// An order to which much has happened: it rested, traded in part, and was deleted. Else the first one.
    public var eventfulOrder: OrderID { markets.compactMap(\.eventfulOrder).first ?? 1 }

    /// The first order that paid interest beside the price; nil where no bond has traded.
    public var interestOrder: OrderID? { markets.compactMap(\.interestOrder).first }

    /// The flow's own accounts, which a recording of all rounds equals.
    public func accounts() -> [(account: AccountID, cash: CashAccount.State, holdings: Holdings.State)] {
        traders.indices.map { (traders[$0], cash[$0], holdings[$0]) }
    }
}
