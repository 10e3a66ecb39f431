import Exchange
import Testing

@Suite("The terms of a bond")
struct BondTermsTests {
    // A day's interest of a 30/360 year on $1,000 at 5 % is 1,000 × 0.05 / 360 = $0.13888…
    @Test(
        "let interest accrue from the last coupon, and nothing on a coupon date",
        arguments: [
            ("2026-01-05", 69_444),  // 50 days: $6.94444…
            ("2025-11-16", 1_389),  // 1 day: $0.13888…
            ("2026-05-14", 248_611),  // 179 days: $24.86111…
            ("2026-05-15", 0), ("2021-11-15", 0), ("2021-11-14", 0),
            ("2026-05-31", 22_222),  // 16 days: $2.22222…
        ] as [(CalendarDate, Money)])
    func accrues(day: CalendarDate, interest: Money) {
        #expect(MapleBond.terms.accruedInterest(on: day) == interest)
    }

    @Test("round to the nearest unit, and up from the half")
    func rounds() {
        var terms = MapleBond.terms
        terms.faceValue = 3_600  // A day's interest is half a ten-thousandth of a dollar.
        #expect(terms.accruedInterest(on: "2025-11-16") == 1)  // 0.5
        #expect(terms.accruedInterest(on: "2025-11-17") == 1)  // 1.0
        #expect(terms.accruedInterest(on: "2025-11-18") == 2)  // 1.5
    }

    @Test("pay half of the year's interest twice a year, from the issue to maturity")
    func coupons() {
        let terms = MapleBond.terms
        for date in ["2022-05-15", "2026-05-15", "2026-11-15", "2031-11-15"] as [CalendarDate] {
            #expect(terms.coupon(on: date) == 250_000)  // 1,000 × 0.05 / 2 = $25
        }
        for date in ["2021-11-15", "2026-05-14", "2026-02-15", "2031-11-16", "2032-05-15"] as [CalendarDate] {
            #expect(terms.coupon(on: date) == nil)
        }
    }

    @Test("pay what has accrued at the end of a first period that is shorter")
    func shortFirstPeriod() {
        var terms = MapleBond.terms
        terms.issued = "2026-02-01"
        #expect(terms.accruedInterest(on: "2026-03-01") == 41_667)  // 30 days: $4.16666…
        #expect(terms.coupon(on: "2026-05-15") == 144_444)  // 104 days: $14.44444…
        #expect(terms.coupon(on: "2026-11-15") == 250_000)
    }

    @Test("count coupon dates back from maturity, to the last day of a month that is shorter")
    func endOfMonth() {
        var terms = MapleBond.terms
        terms.maturity = "2030-08-31"
        #expect(terms.accrualStart(on: "2026-03-15") == "2026-02-28")
        #expect(terms.coupon(on: "2028-02-29") != nil)
        #expect(terms.coupon(on: "2028-02-28") == nil)
        #expect(terms.coupon(on: "2026-08-31") != nil)
        terms.couponsPerYear = 12
        #expect(terms.accrualStart(on: "2026-05-01") == "2026-04-30")
    }
}
