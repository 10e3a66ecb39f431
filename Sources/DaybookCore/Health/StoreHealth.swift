/// Whether a store and what follows it are well, at one moment.
public struct StoreHealth: Sendable, Equatable {
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

extension StoreHealth: Codable {
    private enum Key: String, CodingKey {
        case head, checkedAt, consumers, file, problems
    }

    /// Times are text, as those of events are.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        let text = try fields.decode(String.self, forKey: .checkedAt)
        guard let checkedAt = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: .checkedAt, in: fields, debugDescription: "'\(text.prefix(40))' is no time of RFC 3339.")
        }
        self.init(
            head: try fields.decode(Position.self, forKey: .head), checkedAt: checkedAt,
            consumers: try fields.decode([ConsumerHealth].self, forKey: .consumers),
            file: try fields.decodeIfPresent(FileHealth.self, forKey: .file),
            problems: try fields.decode([String].self, forKey: .problems))
    }

    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: Key.self)
        try fields.encode(head, forKey: .head)
        try fields.encode(checkedAt.description, forKey: .checkedAt)
        try fields.encode(consumers, forKey: .consumers)
        try fields.encodeIfPresent(file, forKey: .file)
        try fields.encode(problems, forKey: .problems)
    }
}
