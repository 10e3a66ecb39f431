/// How often a command is decided anew when other writers were first, and how long to wait between attempts.
///
/// Before attempt n + 1 the handler waits a random time between nothing and `base` × 2ⁿ⁻¹, at most `ceiling`, so that
/// writers who met once do not meet again.
public struct RetryPolicy: Sendable, Hashable {
    /// All attempts, the first one included; at least 1.
    public var attempts: Int
    public var base: Duration
    public var ceiling: Duration

    public init(attempts: Int, base: Duration = .milliseconds(1), ceiling: Duration = .milliseconds(100)) {
        self.attempts = max(1, attempts)
        self.base = max(.zero, base)
        self.ceiling = max(.zero, ceiling)
    }

    /// 10 attempts, which wait about a quarter of a second in all.
    public static let `default` = RetryPolicy(attempts: 10)
    /// One attempt: a conflict is the caller's to deal with.
    public static let never = RetryPolicy(attempts: 1)

    /// How long to wait after a number of attempts, from 1, that all met a conflict.
    public func delay(after attempts: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(max(attempts - 1, 0), 30)
        let bound = min(ceiling, base * (1 << doublings))
        return bound * Double.random(in: 0..<1, using: &generator)
    }
}
