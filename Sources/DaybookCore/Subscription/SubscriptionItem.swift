/// What a subscription tells its reader.
public enum SubscriptionItem: Sendable, Hashable {
    case event(RecordedEvent)
    /// No further event up to this position passes the filter: a reader may go on behind it.
    case checkpoint(Position)
    /// Everything that was recorded has been delivered, up to this position. Comes once; from here on events arrive
    /// as they are recorded.
    case caughtUp(Position)
}
