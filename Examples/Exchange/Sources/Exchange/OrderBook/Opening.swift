/// What stands in a book when its session begins.
public struct Opening: Sendable, Hashable {
    public var instrument: Instrument
    public var session: Session
    public var kind: InstrumentKind
    /// Best first: falling prices.
    public var bids: [Quote.Level]
    /// Best first: rising prices.
    public var asks: [Quote.Level]

    public init(
        instrument: Instrument, session: Session, kind: InstrumentKind = .share, bids: [Quote.Level] = [],
        asks: [Quote.Level] = []
    ) {
        self.instrument = instrument
        self.session = session
        self.kind = kind
        self.bids = bids
        self.asks = asks
    }

    /// Checks bounds, the order of the levels, that the sides do not cross, and that a bond can be traded on the day.
    func check() throws(OrderBook.Rejection) {
        if case .bond(let terms) = kind { try check(terms) }
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

    private func check(_ terms: BondTerms) throws(OrderBook.Rejection) {
        do { try terms.check() } catch { throw .notABond(error) }
        guard let day = session.date else { throw .sessionWithoutDate(session) }
        guard terms.issued <= day, day < terms.maturity else {
            throw .sessionOutsideTerm(session, issued: terms.issued, maturity: terms.maturity)
        }
    }
}
