/// What an append request does to one stream.
public struct StreamWrite: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// Appends 1 to ``Limits/eventsPerAppend`` events, in order.
        case append([NewEvent])
        /// Replaces the stream's retention.
        case setRetention(Retention)
        /// Hides all events. The stream may be written again, and its versions go on.
        case delete
        /// Deletes the stream for good: no event can be appended to it ever again.
        case tombstone
    }

    public var stream: StreamName
    public var expected: ExpectedVersion
    public var action: Action
    /// Who changed the stream and why, as an ``EventMetadata`` object, for actions other than ``Action/append(_:)``:
    /// each is recorded as an event of the stream's control stream.
    public var metadata: [UInt8]

    public init(
        stream: StreamName, expected: ExpectedVersion = .any, action: Action, metadata: [UInt8] = []
    ) {
        self.stream = stream
        self.expected = expected
        self.action = action
        self.metadata = metadata
    }
}
