/// Whether a store and what follows it are well, at one moment.
public struct StoreHealth: Sendable, Equatable, Codable {
    /// The position of the last event; `.start` when the log is empty.
    public var head: Position
    public var checkedAt: Timestamp
    /// Whoever keeps a position in the store, those that the policy ignores among them.
    public var consumers: [ConsumerHealth]
    /// The file and its disk; nil when the store is on a server.
    public var file: FileHealth?
    /// What is wrong with the store itself, in words.
    public var problems: [String]

    public init(
        head: Position, checkedAt: Timestamp, consumers: [ConsumerHealth], file: FileHealth? = nil,
        problems: [String] = []
    ) {
        self.head = head
        self.checkedAt = checkedAt
        self.consumers = consumers
        self.file = file
        self.problems = problems
    }

    /// Neither the store nor a consumer has a problem.
    public var isHealthy: Bool { problems.isEmpty && consumers.allSatisfy(\.problems.isEmpty) }
}
