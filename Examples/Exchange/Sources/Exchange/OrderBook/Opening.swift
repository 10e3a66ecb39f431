/// What stands in a book when its session begins.
public struct Opening: Sendable, Hashable {
    public var instrument: Instrument
    public var session: Session
    /// Best first: falling prices.
    public var bids: [Quote.Level]
    /// Best first: rising prices.
    public var asks: [Quote.Level]

    public init(
        instrument: Instrument, session: Session, bids: [Quote.Level] = [], asks: [Quote.Level] = []
    ) {
        self.instrument = instrument
        self.session = session
        self.bids = bids
        self.asks = asks
    }

    /// Checks bounds, the order of the levels, and that the sides do not cross.
    func check() throws(OrderBook.Rejection) {
        for (side, levels) in [(Side.buy, bids), (.sell, asks)] {
            var previous: Price?
            for level in levels {
                try OrderBook.check(level.price)
                try OrderBook.check(level.quantity)
                if let previous, !side.prefers(previous, to: level.price) {
                    throw .openingOutOfOrder(side: side, price: level.price, after: previous)
                }
                previous = level.price
            }
        }
        if let bid = bids.first, let ask = asks.first, bid.price >= ask.price {
            throw .openingCrossed(bid: bid.price, ask: ask.price)
        }
    }
}
