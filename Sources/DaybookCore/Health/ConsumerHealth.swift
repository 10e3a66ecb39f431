/// How far something that follows the log has come, by what it has saved in the store.
public struct ConsumerHealth: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable {
        /// A reader with a checkpoint of its own.
        case checkpoint
        /// A projection's read model.
        case readModel
        /// A consumer group, or a publisher, which is one.
        case consumerGroup
        /// What a process manager has reacted to. Its commands are sent by a consumer group named `process-` and its
        /// category.
        case processManager
    }

    public var name: String
    public var kind: Kind
    /// Everything up to here is done, or parked.
    public var position: Position
    /// Positions between it and the head: events, whether the consumer wants them or not, and what else takes positions of the
    /// store. Below zero when it is beyond the log.
    public var eventsBehind: Int64
    /// How long ago the first event of them was recorded, in seconds; nil when there is none.
    public var secondsBehind: Double?
    /// Keys of a read model, or events of a group and those that wait behind them, that have stopped. Nil where nothing can
    /// be parked.
    public var parked: Int?
    /// What the policy objects to, in words.
    public var problems: [String]

    public init(
        name: String, kind: Kind, position: Position, eventsBehind: Int64, secondsBehind: Double?, parked: Int?,
        problems: [String]
    ) {
        self.name = name
        self.kind = kind
        self.position = position
        self.eventsBehind = eventsBehind
        self.secondsBehind = secondsBehind
        self.parked = parked
        self.problems = problems
    }
}
