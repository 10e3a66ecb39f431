import Exchange

/// The bond of the tests: $1,000 at 5 %, with coupons on 15 May and 15 November.
enum MapleBond {
    static let symbol: Instrument = "MAPLE31"
    static let terms = BondTerms(
        issuer: "MAPLE", faceValue: .dollars(1_000), couponRate: 500, couponsPerYear: 2, issued: "2021-11-15",
        maturity: "2031-11-15")

    static func opened(_ session: Session) -> OrderBook.Event {
        .opened(instrument: symbol, session: session, bids: [], asks: [], kind: .bond(terms: terms))
    }
}
