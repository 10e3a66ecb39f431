import DaybookCore

/// Tells from the positions that a build has reached how long the rest of it takes.
package struct RebuildMeter {
    private let elapsed: () -> Duration
    private var first: Position?

    package init(clock: some Clock<Duration>) {
        let start = clock.now
        elapsed = { start.duration(to: clock.now) }
    }

    package mutating func progress(at position: Position, of head: Position) -> RebuildProgress {
        let begin = first ?? position
        first = begin
        let done = position.rawValue - begin.rawValue
        let left = max(0, head.rawValue - position.rawValue)
        let timeLeft = done == 0 ? nil : elapsed() * (Double(left) / Double(done))
        return RebuildProgress(position: position, head: head, timeLeft: timeLeft)
    }
}
