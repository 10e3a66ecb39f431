/// How far a long task has come, on standard error: one line that rewrites itself on a terminal, and elsewhere a line
/// for every tenth of the work.
struct ProgressBar {
    private let title: String
    private let unit: String
    private let start = ContinuousClock.now
    private var drawn: ContinuousClock.Instant?
    private var tenths = -1

    /// - Parameter unit: What is counted, in the plural: "orders".
    init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
    }

    /// Draws at most ten times a second.
    mutating func update(done: Int, total: Int, note: String = "") {
        let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
        let now = ContinuousClock.now
        let seconds = (now - start) / .seconds(1)
        let rate = seconds > 0.2 ? "  \(Int(Double(done) / seconds).grouped)/s" : ""
        let text = "\(Int(share * 100))%  \(done.grouped) \(unit)\(rate)\(note.isEmpty ? "" : "  \(note)")"
        if StandardError.isTerminal {
            if let drawn, now - drawn < .milliseconds(100), done < total { return }
            drawn = now
            let filled = Int(share * 30)
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
            StandardError.write("\r\u{1B}[K\(title)  \(bar) \(text)")
        } else if Int(share * 10) > tenths {
            tenths = Int(share * 10)
            StandardError.line("\(title)  \(text)")
        }
    }

    /// Leaves the line as it is last.
    func finish() {
        if StandardError.isTerminal && drawn != nil { StandardError.write("\n") }
    }
}
