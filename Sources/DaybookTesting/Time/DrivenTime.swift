import DaybookCore
import Synchronization

/// A clock that stands still until a test moves it.
///
/// ```swift
/// let time = DrivenTime()
/// let store = InMemoryEventStore(time: time.source)
/// time.advance(by: .seconds(3600))
/// ```
public final class DrivenTime: Sendable {
    private let current: Mutex<Timestamp>

    /// - Parameter start: By default 2012-06-21T09:30:00Z.
    public init(at start: Timestamp = Timestamp(microseconds: 1_340_271_000_000_000)) { current = Mutex(start) }

    public var now: Timestamp { current.withLock { $0 } }

    /// Moves the clock on, or back when the duration is negative.
    public func advance(by duration: Duration) {
        current.withLock { $0 = $0.advanced(by: duration) }
    }

    public func set(to time: Timestamp) {
        current.withLock { $0 = time }
    }

    /// What a store is given to read the time from.
    public var source: TimeSource { TimeSource { self.now } }
}
