import DaybookCore

/// An event that a member has claimed, and is to handle.
struct ClaimedEvent: Sendable {
    let recorded: RecordedEvent
    let key: ConsumerKey
    /// From 1.
    let attempt: Int
    /// Whether it may have been handed over before.
    let isRepeated: Bool
    let fence: Int64
}
