/// The interest that each bond of a trade has accrued when the trade settles.
public struct Accrual: Sendable, Hashable {
    /// The date of the last coupon, or of the issue.
    public var since: CalendarDate
    /// The day on which trades settle.
    public var through: CalendarDate
    /// On one bond.
    public var amount: Money

    /// What the trades of a session pay beside their price, which settle on the session's own day; nil where that is
    /// nothing.
    init?(of kind: InstrumentKind, in session: Session) {
        guard case .bond(let terms) = kind, let settlement = session.date else { return nil }
        since = terms.accrualStart(on: settlement)
        through = settlement
        amount = terms.accruedInterest(on: settlement)
        guard amount > .zero else { return nil }
    }
}
