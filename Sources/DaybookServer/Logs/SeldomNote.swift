#if Server
import Synchronization

/// Counts what others can make happen as often as they like, so that the log tells of it once in a while, with how often it was.
final class SeldomNote: Sendable {
    private struct State {
        var next: ContinuousClock.Instant?
        var count = 0
    }

    private let pause: Duration
    private let state = Mutex(State())

    /// - Parameter pause: Between two lines of the log.
    init(pause: Duration = .seconds(60)) { self.pause = pause }

    /// To be called each time that it happens.
    ///
    /// - Returns: How often it has happened since the last line, when another is due.
    func count(at now: ContinuousClock.Instant = .now) -> Int? {
        state.withLock { state in
            state.count += 1
            if let next = state.next, now < next { return nil }
            defer { state = State(next: now + pause) }
            return state.count
        }
    }
}
#endif
