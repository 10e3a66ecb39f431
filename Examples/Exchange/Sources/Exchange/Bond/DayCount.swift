/// How the days are counted for which interest accrues. Each bond says it, so that another convention can join.
public enum DayCount: String, Sendable, Hashable, Codable, CaseIterable {
    /// Twelve months of 30 days: the *30/360* or *Bond Basis* of the 2006 ISDA Definitions, section 4.16(f); see
    /// also value 1 of https://fiximate.fixtrading.org/en/FIX.Latest/tag40283.html
    case thirty360 = "30/360"

    /// The days of a year.
    var year: Int64 {
        switch self {
        case .thirty360: 360
        }
    }

    /// The days from one date to a later one.
    public func days(from start: CalendarDate, to end: CalendarDate) -> Int64 {
        switch self {
        case .thirty360:
            let first = min(start.day, 30)
            let last = end.day == 31 && first == 30 ? 30 : end.day
            return Int64((end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first)
        }
    }
}
