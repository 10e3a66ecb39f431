import Synchronization

/// How far a long task has come, on one line of standard error that rewrites itself; silent when that is no terminal.
final class ProgressBar: Sendable {
    private struct State {
        var drawn: ContinuousClock.Instant?
        var isVisible = false
    }

    private let title: String
    private let unit: String
    private let isEnabled: Bool
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    /// - Parameter unit: What is counted, in the plural: "events".
    init(_ title: String, unit: String, isEnabled: Bool = StandardError.isTerminal) {
        self.title = title
        self.unit = unit
        self.isEnabled = isEnabled
    }

    /// Draws at most ten times a second.
    ///
    /// - Parameter share: How much of the whole is done, from 0 to 1; nil when nobody knows.
    func update(done: Int64, share: Double?) {
        guard isEnabled else { return }
        let now = ContinuousClock.now
        let draws = state.withLock { state in
            if let drawn = state.drawn, now - drawn < .milliseconds(100) { return false }
            state.drawn = now
            state.isVisible = true
            return true
        }
        if draws { StandardError.write("\r\u{1B}[K" + line(done: done, share: share, elapsed: now - start)) }
    }

    func update(done: Int64, total: Int64) { update(done: done, share: total > 0 ? Double(done) / Double(total) : nil) }

    /// Clears the line.
    func finish() {
        let clears = state.withLock { state in
            defer { state.isVisible = false }
            return state.isVisible
        }
        if clears { StandardError.write("\r\u{1B}[K") }
    }

    func line(done: Int64, share: Double?, elapsed: Duration) -> String {
        let seconds = elapsed / .seconds(1)
        let rate = seconds > 0.2 ? "  \(Int64(Double(done) / seconds).grouped)/s" : ""
        guard let share else { return "\(title)  \(done.grouped) \(unit)\(rate)" }
        let bounded = min(max(share, 0), 1)
        let filled = Int(bounded * 30)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        return "\(title)  \(bar) \(Int(bounded * 100))%  \(done.grouped) \(unit)\(rate)"
    }
}
