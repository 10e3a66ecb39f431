/// Lets an append succeed only while a decision's basis still holds: the dynamic consistency boundary.
///
/// Read the events that fit a query up to some position, decide, and append on the condition that no event that fits
/// has been recorded after that position. See https://dcb.events/specification/
public struct AppendCondition: Sendable, Hashable {
    /// The append fails when an event that fits this was recorded after ``after``.
    public var failIfEventsMatch: EventQuery
    /// The last position that the decision has taken into account; `.start` when it took none.
    public var after: Position

    public init(failIfEventsMatch: EventQuery, after: Position = .start) {
        self.failIfEventsMatch = failIfEventsMatch
        self.after = after
    }
}
