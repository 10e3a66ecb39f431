import Daybook
import DaybookCore

/// One coupon of one bond: to whom it falls due, decided once.
///
/// Who is entitled is recorded when the coupon falls due, and the cash accounts are paid by that record: so a payment
/// that was interrupted is gone on with for the same holders, whoever holds the bond by then. One event has room for
/// some 15,000 of them.
public enum CouponPayment: Decider {
    /// The category of the streams of coupons: `coupon-MAPLE31-2026-05-15`.
    public static let category: Category = "coupon"

    /// An account that is entitled to a coupon.
    public struct Holder: Sendable, Hashable, Codable {
        public var account: AccountID
        public var quantity: Quantity
        public var amount: Money
    }

    /// What fell due.
    public struct State: Sendable, Equatable {
        public internal(set) var issuer: AccountID?
        public internal(set) var holders: [Holder] = []

        public init() {}

        /// What the issuer owes.
        public var total: Money { holders.reduce(.zero) { $0 + $1.amount } }
    }

    public enum Command: Sendable, Hashable {
        /// Finds out what the coupon of a bond comes to for those who hold it.
        case fallDue(of: Instrument, terms: BondTerms, on: CalendarDate, holders: [AccountID: Quantity])
    }

    public enum Event: DomainEvent, Hashable {
        public static let typePrefix = "coupon"

        /// The coupon of a date became due to the holders, in the order of their accounts.
        case fellDue(bond: Instrument, date: CalendarDate, issuer: AccountID, holders: [Holder])

        public var tags: [Tag] {
            switch self {
            case .fellDue(let bond, _, _, _): [CouponPayment.tag(of: bond)]
            }
        }
    }

    public enum Rejection: Error, Hashable, CustomStringConvertible {
        case noCouponDate(CalendarDate, bond: Instrument, since: CalendarDate)
        case noHolders(bond: Instrument)
        case amountOutOfBounds(bond: Instrument)

        public var description: String {
            switch self {
            case .noCouponDate(let date, let bond, let since):
                "\(bond) pays no coupon on \(date): interest accrues since \(since) then. Give a coupon date."
            case .noHolders(let bond): "Nobody holds \(bond): there is no coupon to pay."
            case .amountOutOfBounds(let bond):
                "The coupons of \(bond) come to more than \(Money.allowed.upperBound) dollars, the most that is moved at "
                    + "once: correct the holdings or the terms."
            }
        }
    }

    public static let initialState = State()

    public static func decide(_ command: Command, in coupon: State) throws(Rejection) -> [Event] {
        switch command {
        case .fallDue where coupon.issuer != nil:
            return []  // It fell due before, to those who held the bond then.
        case .fallDue(let bond, let terms, let date, let quantities):
            guard let amount = terms.coupon(on: date), amount > .zero else {
                throw .noCouponDate(date, bond: bond, since: terms.accrualStart(on: date))
            }
            var holders: [Holder] = []
            var total = Int64.zero
            for (account, quantity) in quantities.sorted(by: { $0.key < $1.key }) where quantity > 0 {
                let (due, overflows) = amount.rawValue.multipliedReportingOverflow(by: quantity)
                guard !overflows, due <= Money.allowed.upperBound.rawValue - total else {
                    throw .amountOutOfBounds(bond: bond)
                }
                total += due
                holders.append(Holder(account: account, quantity: quantity, amount: Money(due)))
            }
            guard !holders.isEmpty else { throw .noHolders(bond: bond) }
            return [.fellDue(bond: bond, date: date, issuer: terms.issuer, holders: holders)]
        }
    }

    public static func evolve(_ coupon: inout State, with event: Event) {
        switch event {
        case .fellDue(_, _, let issuer, let holders):
            coupon.issuer = issuer
            coupon.holders = holders
        }
    }

    /// Under which the coupons of a bond are found, and all payments of them: `bond:MAPLE31`.
    public static func tag(of bond: Instrument) -> Tag { Tag(unchecked: "bond:\(bond)") }
}
