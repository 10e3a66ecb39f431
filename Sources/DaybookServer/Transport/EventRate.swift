#if Server
import NIOCore

/// Counts what a client does, and tells when it is too much within a time.
struct EventRate {
    /// How often within ``period``.
    let limit: Int
    static let period = TimeAmount.seconds(30)

    private var count = 0
    private var begun = NIODeadline.distantPast

    init(limit: Int) { self.limit = limit }

    /// - Returns: Whether it may be.
    mutating func count(at now: NIODeadline) -> Bool {
        if now - begun > Self.period {
            begun = now
            count = 0
        }
        count += 1
        return count <= limit
    }
}
#endif
