import DaybookCore

/// What ``SQLiteEventStore/salvage(_:to:progress:)`` saved from a damaged file, and what it did not find.
public struct SalvageReport: Sendable, Equatable {
    /// Neighbouring positions that could not be saved.
    public struct LostPositions: Sendable, Equatable {
        public var first: Position
        public var last: Position
        /// The stream whose events they were; nil when nothing tells.
        public var stream: StreamName?

        public init(first: Position, last: Position, stream: StreamName?) {
            self.first = first
            self.last = last
            self.stream = stream
        }
    }

    /// Where the log ends, as far as anything in the file tells.
    public var head = Position.start
    /// Events whose records are whole, byte for byte as they were.
    public var savedEvents: Int64 = 0
    public var lostEvents: Int64 = 0
    /// The first thousand ranges of lost positions.
    public var lostPositions: [LostPositions] = []
    /// Saved events that cannot be read all the same, since the name of their stream, type, content type or a tag is lost.
    public var namelessEvents: Int64 = 0
    public var savedNames: Int64 = 0
    public var lostNames: Int64 = 0
    /// Receipts of commands.
    public var savedCommits: Int64 = 0
    public var lostCommits: Int64 = 0

    public init() {}

    public var isComplete: Bool { lostEvents == 0 && lostNames == 0 && lostCommits == 0 }
}
