/// How often a command is decided anew when other writers were first, and how long to wait between attempts.
///
/// Before attempt n + 1 the handler waits a random time between nothing and `base` × 2ⁿ⁻¹, at most `ceiling`, so that
/// writers who met once do not meet again.
public struct RetryPolicy: Sendable, Hashable {
    /// All attempts, the first one included; at least 1.
    public let attempts: Int
    public let base: Duration
    /// The longest wait; at most a day.
    public let ceiling: Duration

    public init(attempts: Int, base: Duration = .milliseconds(1), ceiling: Duration = .milliseconds(100)) {
        self.attempts = max(1, attempts)
        self.base = max(.zero, base)
        self.ceiling = min(max(.zero, ceiling), .seconds(86_400))
    }

    /// 10 attempts, which wait about a quarter of a second in all.
    public static let `default` = RetryPolicy(attempts: 10)
    /// One attempt: a conflict is the caller's to deal with.
    public static let never = RetryPolicy(attempts: 1)

    /// How long to wait after a number of attempts, from 1, that all met a conflict.
    public func delay(after attempts: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        guard base > .zero else { return .zero }
        var bound = min(base, ceiling)
        var doubled = 1
        while doubled < attempts && bound < ceiling {
            bound = min(ceiling, bound + bound)
            doubled += 1
        }
        return bound * Double.random(in: 0..<1, using: &generator)
    }
}
