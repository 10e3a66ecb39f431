import Exchange
import Testing

@Suite("Counting days by 30/360")
struct DayCountTests {
    @Test(
        "gives every month 30 days, and moves the 31st as the definition says",
        arguments: [
            ("2025-11-15", "2026-01-05", 50), ("2026-01-15", "2026-02-15", 30), ("2025-11-15", "2026-11-15", 360),
            ("2026-01-30", "2026-01-31", 0), ("2026-01-29", "2026-01-31", 2), ("2026-01-31", "2026-02-28", 28),
            ("2026-02-28", "2026-03-31", 33), ("2026-01-31", "2026-03-31", 60), ("2024-02-29", "2025-02-28", 359),
        ] as [(CalendarDate, CalendarDate, Int64)])
    func days(start: CalendarDate, end: CalendarDate, days: Int64) {
        #expect(DayCount.thirty360.days(from: start, to: end) == days)
    }
}

@Suite("A calendar date")
struct CalendarDateTests {
    @Test("is read from its text, and from no other", arguments: ["2026-05-15", "2024-02-29", "0001-01-01"])
    func reads(text: String) { #expect(CalendarDate(text)?.description == text) }

    @Test(
        "refuses what no calendar has",
        arguments: [
            "", "2026-5-15", "2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "+026-01-01", "2026-05-15T",
        ])
    func refuses(text: String) { #expect(CalendarDate(text) == nil) }

    @Test("sorts by time")
    func sorts() {
        #expect(
            ["2026-05-15", "2025-12-31", "2026-05-02"].sorted() as [CalendarDate] == [
                "2025-12-31", "2026-05-02", "2026-05-15",
            ])
    }
}
