/// Which of a stream's events its readers still see. What is hidden stays in the log, and in reads of the whole log.
public struct Retention: Sendable, Hashable, Codable {
    /// Events recorded longer ago than this are hidden. Nil: no bound. At least one microsecond.
    public var maxAge: Duration?
    /// Only this many of the latest events are shown. Nil: no bound. At least 1.
    public var maxCount: Int64?
    /// Events below this version are hidden.
    public var truncateBefore: StreamVersion?

    /// Everything stays visible.
    public static let unlimited = Retention()

    public init(maxAge: Duration? = nil, maxCount: Int64? = nil, truncateBefore: StreamVersion? = nil) {
        self.maxAge = maxAge
        self.maxCount = maxCount
        self.truncateBefore = truncateBefore
    }
}
