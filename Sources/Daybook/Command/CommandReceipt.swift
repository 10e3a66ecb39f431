import DaybookCore

/// What became of a command that was carried out.
public struct CommandReceipt<Event: DomainEvent>: Sendable {
    /// The stream of the command's subject.
    public var stream: StreamName
    /// The stream's last version after the command; nil when it has no event.
    public var version: StreamVersion?
    /// The log up to here holds the command's effect: what ``ReadModel/wait(for:)`` takes to read one's own write.
    public var position: Position
    /// The events that the command caused, in order; none when it had nothing to change.
    public var events: [Event]
    /// Whether the command had been recorded before, and this is its first result again.
    public var isRepeat: Bool
    /// When the store recorded the command; nil when it recorded nothing.
    public var recordedAt: Timestamp?

    public init(
        stream: StreamName, version: StreamVersion?, position: Position, events: [Event], isRepeat: Bool = false,
        recordedAt: Timestamp? = nil
    ) {
        self.stream = stream
        self.version = version
        self.position = position
        self.events = events
        self.isRepeat = isRepeat
        self.recordedAt = recordedAt
    }
}

extension CommandReceipt: Equatable where Event: Equatable {}
