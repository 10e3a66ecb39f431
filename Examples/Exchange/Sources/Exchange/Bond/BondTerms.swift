/// What the issuer of a bond promises to whoever holds it.
///
/// Bonds are traded in whole pieces, and quoted *clean*: a price is in dollars a bond, without the interest that has
/// accrued since the last coupon, which the buyer pays to the seller on top.
///
/// **Rounding.** Interest and coupons are worked out for one bond, in ten-thousandths of a dollar, rounded to the
/// nearest and up from the half, and multiplied by the number of bonds. So the interest on the parts of an order is that
/// on the whole.
public struct BondTerms: Sendable, Hashable, Codable {
    /// Whose cash pays the coupons.
    public var issuer: AccountID
    /// What one bond is for: interest is a part of this.
    public var faceValue: Money
    /// The interest of a year, in hundredths of a percent: 500 is 5 %.
    public var couponRate: Int64
    /// 1, 2, 4 or 12. Coupon dates are whole numbers of months before maturity.
    public var couponsPerYear: Int
    /// The day from which interest accrues.
    public var issued: CalendarDate
    /// The day of the last coupon.
    public var maturity: CalendarDate
    public var dayCount: DayCount

    public init(
        issuer: AccountID, faceValue: Money, couponRate: Int64, couponsPerYear: Int, issued: CalendarDate,
        maturity: CalendarDate, dayCount: DayCount = .thirty360
    ) {
        self.issuer = issuer
        self.faceValue = faceValue
        self.couponRate = couponRate
        self.couponsPerYear = couponsPerYear
        self.issued = issued
        self.maturity = maturity
        self.dayCount = dayCount
    }

    /// The day from which interest accrues to a date: that of the last coupon until then, or of the issue.
    ///
    /// - Complexity: O(coupons from the date to maturity).
    public func accrualStart(on date: CalendarDate) -> CalendarDate {
        var coupons = 0
        while couponDate(coupons) > date { coupons += 1 }
        return max(issued, couponDate(coupons))
    }

    /// What has accrued on one bond since the last coupon, by the day on which a trade settles.
    ///
    /// Nothing on a coupon date: that coupon goes to who held the bond before.
    public func accruedInterest(on settlement: CalendarDate) -> Money {
        guard settlement > issued else { return .zero }
        return interest(from: accrualStart(on: settlement), to: settlement)
    }

    /// What one bond pays on a date; nil when no coupon falls due on it.
    ///
    /// Every full period pays the same part of the year's interest, whatever its days. A first period that is shorter
    /// pays what has accrued.
    public func coupon(on date: CalendarDate) -> Money? {
        guard date > issued, date <= maturity, accrualStart(on: date) == date else { return nil }
        var coupons = 0
        while couponDate(coupons) > date { coupons += 1 }
        let start = couponDate(coupons + 1)
        guard start >= issued else { return interest(from: issued, to: date) }
        return Self.rounded(faceValue.rawValue * couponRate, by: 10_000 * Int64(couponsPerYear))
    }

    /// The coupon date that has so many others behind it.
    private func couponDate(_ coupons: Int) -> CalendarDate { maturity.monthsEarlier(coupons * 12 / couponsPerYear) }

    private func interest(from start: CalendarDate, to end: CalendarDate) -> Money {
        Self.rounded(
            faceValue.rawValue * couponRate * dayCount.days(from: start, to: end), by: 10_000 * dayCount.year)
    }

    /// - Parameter divisor: An even number.
    private static func rounded(_ amount: Int64, by divisor: Int64) -> Money { Money((amount + divisor / 2) / divisor) }
}

extension BondTerms {
    /// Why terms are not those of a bond that can be listed.
    public enum Problem: Error, Hashable, CustomStringConvertible {
        case faceValueOutOfBounds(Money)
        case couponRateOutOfBounds(Int64)
        case couponsPerYear(Int)
        case maturityNotLater(CalendarDate, issued: CalendarDate)

        public var description: String {
            switch self {
            case .faceValueOutOfBounds(let value):
                "A face value of \(value) is outside \(Bounds.faceValue.lowerBound) to \(Bounds.faceValue.upperBound) "
                    + "dollars."
            case .couponRateOutOfBounds(let rate):
                "A coupon rate of \(rate) hundredths of a percent is outside \(Bounds.couponRate.lowerBound) to "
                    + "\(Bounds.couponRate.upperBound)."
            case .couponsPerYear(let count): "A bond cannot pay \(count) coupons a year: give 1, 2, 4 or 12."
            case .maturityNotLater(let maturity, let issued):
                "The bond matures on \(maturity), which is not after its issue on \(issued)."
            }
        }
    }

    /// Within these the interest on a bond for a century fits in 64 bits.
    enum Bounds {
        static let faceValue: ClosedRange<Money> = 1...10_000_000_000
        static let couponRate: ClosedRange<Int64> = 1...10_000
    }

    func check() throws(Problem) {
        guard Bounds.faceValue.contains(faceValue) else { throw .faceValueOutOfBounds(faceValue) }
        guard Bounds.couponRate.contains(couponRate) else { throw .couponRateOutOfBounds(couponRate) }
        guard [1, 2, 4, 12].contains(couponsPerYear) else { throw .couponsPerYear(couponsPerYear) }
        guard issued < maturity else { throw .maturityNotLater(maturity, issued: issued) }
    }
}
