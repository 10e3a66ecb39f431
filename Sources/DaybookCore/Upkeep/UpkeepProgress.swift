/// How far a task of a store's upkeep is.
package struct UpkeepProgress: Sendable, Hashable {
    package enum Step: Int64, Sendable {
        /// Counted in events, or positions.
        case working = 0
        /// Counted in bytes.
        case copying = 1
        /// Counted in events.
        case verifying = 2
    }

    package var step: Step
    package var done: Int64
    package var total: Int64

    package init(_ step: Step = .working, done: Int64, total: Int64) {
        self.step = step
        self.done = done
        self.total = total
    }
}
