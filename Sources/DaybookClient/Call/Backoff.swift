#if Client
/// How long to wait before trying again.
struct Backoff: Sendable {
    let first: Duration
    let longest: Duration

    /// Twice as long after each failure, up to the longest; a half of it by chance.
    ///
    /// - Parameter failures: In a row, 1 or more.
    func delay(after failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        var whole = min(first, longest)
        for _ in 1..<max(failures, 1) where whole < longest { whole = min(whole * 2, longest) }
        return whole * Double.random(in: 0.5...1, using: &random)
    }

    func delay(after failures: Int) -> Duration {
        var random = SystemRandomNumberGenerator()
        return delay(after: failures, using: &random)
    }
}
#endif
