import DaybookCore
import Synchronization

/// A clock that stands still until somebody moves it on: the time of a market that is played.
public final class MarketClock: Sendable {
    private let current: Mutex<Timestamp>

    public init(at start: Timestamp) { current = Mutex(start) }

    public func advance(by duration: Duration) {
        current.withLock { $0 = $0.advanced(by: duration) }
    }

    /// What a store and a process runner are given to read the time from.
    public var source: TimeSource { TimeSource { self.current.withLock { $0 } } }
}
