/// When a command handler saves a snapshot of a state: whenever one of the conditions holds.
///
/// A snapshot saves the replay of what lies behind it, and nothing else: it may be deleted at any time.
public struct SnapshotPolicy<Event: Sendable>: Sendable {
    /// After this many events since the last snapshot.
    public var eventCount: Int?
    /// When a state had to be read from the log, and that took longer than this.
    public var replayTime: Duration?
    /// After an event of which this is true, such as the closing of a year.
    public var isDue: (@Sendable (Event) -> Bool)?

    public init(
        eventCount: Int? = nil, replayTime: Duration? = nil, isDue: (@Sendable (Event) -> Bool)? = nil
    ) {
        self.eventCount = eventCount.map { max(1, $0) }
        self.replayTime = replayTime
        self.isDue = isDue
    }

    /// - Parameter eventCount: At least 1.
    public static func every(_ eventCount: Int) -> SnapshotPolicy { SnapshotPolicy(eventCount: eventCount) }
    public static func whenReplayTakes(longerThan time: Duration) -> SnapshotPolicy { SnapshotPolicy(replayTime: time) }
    public static func on(_ isDue: @escaping @Sendable (Event) -> Bool) -> SnapshotPolicy {
        SnapshotPolicy(isDue: isDue)
    }
}
