import Daybook
import DaybookCore

/// The best bid and ask of every instrument after every event, with the levels behind them: a document an instrument.
public struct Quotes: Projection {
    /// What a market data screen shows of an instrument.
    public struct Board: Codable, Sendable, Hashable {
        public var instrument: Instrument
        /// The version of the book after which this is the quote.
        public var version: StreamVersion
        public var quote = Quote()
        /// The price of the last trade.
        public var last: Price?
        /// The shares traded in the session.
        public var volume: Quantity = 0
        /// The number of trades in the session.
        public var trades = 0
        /// Best last, so that what changes most is at the end.
        var bids: [Quote.Level] = []
        var asks: [Quote.Level] = []

        init(instrument: Instrument) {
            self.instrument = instrument
            version = .first
        }
    }

    public let name: ReadModelName = "quotes"

    public init() {}

    public func keys(for event: OrderBook.Event, recorded: RecordedEvent) -> [String] {
        recorded.stream.id.map { [String($0)] } ?? []
    }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? { recorded.stream.id.map { [String($0)] } }

    public func apply(
        _ event: OrderBook.Event, recorded: RecordedEvent, key: String, to document: inout Board?
    ) {
        var board = document ?? Board(instrument: Instrument(rawValue: key))
        document = nil  // So that the levels have one owner, and are changed in place.
        board.version = recorded.version
        board.apply(event)
        document = board
    }
}

extension Quotes.Board {
    fileprivate mutating func apply(_ event: OrderBook.Event) {
        switch event {
        case .opened(let instrument, _, let bids, let asks, _):
            let version = version
            self = Quotes.Board(instrument: instrument)
            self.version = version
            self.bids = bids.reversed()
            self.asks = asks.reversed()
        case .submitted(_, _, let side, let price, _, let quantity), .rested(_, _, let side, let price, let quantity):
            if quantity > 0 { change(side, price, by: quantity) }
        case .executed(_, _, _, let side, let price, let quantity, _, _, _),
            .executionReported(_, _, let side, let price, let quantity):
            change(side, price, by: -quantity)
            trade(price, quantity)
        case .openingReduced(_, let kind, let side, let price, let quantity):
            change(side, price, by: -quantity)
            if kind == .execution { trade(price, quantity) }
        case .reduced(_, _, let side, let price, let quantity), .deleted(_, _, let side, let price, let quantity):
            change(side, price, by: -quantity)
        case .hiddenExecutionReported(_, let price, let quantity), .auctionReported(let price, let quantity):
            trade(price, quantity)
        case .expired, .halted, .resumed, .quotingResumed, .unknownOrderReported, .interestAccrued, .interestSpared:
            break
        }
        quote = Quote(bid: bids.last, ask: asks.last)
    }

    private mutating func trade(_ price: Price, _ quantity: Quantity) {
        last = price
        volume += quantity
        trades += 1
    }

    private mutating func change(_ side: Side, _ price: Price, by quantity: Quantity) {
        switch side {
        case .buy: Self.change(&bids, side, price, by: quantity)
        case .sell: Self.change(&asks, side, price, by: quantity)
        }
    }

    private static func change(_ levels: inout [Quote.Level], _ side: Side, _ price: Price, by quantity: Quantity) {
        var index = levels.count  // Behind the level, if it is there: most changes are near the best price.
        while index > 0 && side.prefers(levels[index - 1].price, to: price) { index -= 1 }
        if index > 0 && levels[index - 1].price == price {
            levels[index - 1].quantity += quantity
            if levels[index - 1].quantity <= 0 { levels.remove(at: index - 1) }
        } else if quantity > 0 {
            levels.insert(Quote.Level(price: price, quantity: quantity), at: index)
        }
    }
}
