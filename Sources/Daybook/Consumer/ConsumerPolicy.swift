/// How a consumer group delivers: how much at once, for how long, how often. All members should have the same.
public struct ConsumerPolicy: Sendable, Hashable {
    /// The events that one member handles at once, 1 to 1 000.
    public let inFlight: Int
    /// The events that the group has read and not settled, 1 to 10 000. No more is read while there are so many.
    public let window: Int
    /// The parked events, and those that wait behind them, at which the group reads no further; 1 to 100 000.
    public let held: Int
    /// How long a member may be silent before its events are delivered to others; at least a millisecond.
    public let lease: Duration
    /// Parks an event that was delivered so often without being acknowledged; at least 1.
    public let deliveries: Int
    /// How long to wait before the second delivery; each further wait is twice as long.
    public let backoff: Duration
    /// The longest wait between two deliveries; at most a day.
    public let backoffCeiling: Duration
    /// How long a handler may take over one event before its task is cancelled, which counts as a failed delivery. One
    /// that does not heed it keeps its key and its place: see ``ConsumerGroupStatus/overdue``. Of a call with many events
    /// (``BatchPublisherTarget``), those that have no answer by then failed; a call that does not heed it keeps them. At most
    /// a year.
    public let handlerTimeout: Duration
    /// What happens to an event that cannot be read.
    public let unreadable: UnreadableEventPolicy
    /// Whether one member at a time handles events, the one that joined first; the others stand by, and the next one takes
    /// over when it leaves or its lease runs out.
    public let isExclusive: Bool
    /// The events of one key that a member has in hand at once, one behind the other.
    var run = 1
    /// How often a member looks for what others changed, and for retries that are due; at most a third of the lease.
    public let pollInterval: Duration

    /// Values outside the bounds are moved to the nearest bound.
    public init(
        inFlight: Int = 16, window: Int = 256, held: Int = 10_000, lease: Duration = .seconds(30), deliveries: Int = 5,
        backoff: Duration = .seconds(1), backoffCeiling: Duration = .seconds(60),
        handlerTimeout: Duration = .seconds(300), unreadable: UnreadableEventPolicy = .park, isExclusive: Bool = false,
        pollInterval: Duration = .milliseconds(100)
    ) {
        self.inFlight = min(max(1, inFlight), 1000)
        self.window = min(max(1, window), 10_000)
        self.held = min(max(1, held), 100_000)
        self.lease = max(lease, .milliseconds(1))
        self.deliveries = max(1, deliveries)
        self.backoff = max(.zero, backoff)
        self.backoffCeiling = min(max(.zero, backoffCeiling), .seconds(86_400))
        // Clocks cannot count to times that are much further away.
        self.handlerTimeout = min(max(handlerTimeout, .milliseconds(1)), .seconds(365 * 86_400))
        self.unreadable = unreadable
        self.isExclusive = isExclusive
        self.pollInterval = min(max(pollInterval, .microseconds(100)), self.lease / 3)
    }

    /// The wait after a number of deliveries, from 1.
    func wait(after deliveries: Int) -> Duration {
        var wait = min(backoff, backoffCeiling)
        var doubled = 1
        while doubled < deliveries && wait > .zero && wait < backoffCeiling {
            wait = min(backoffCeiling, wait + wait)
            doubled += 1
        }
        return wait
    }
}
