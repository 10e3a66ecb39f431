import DaybookCore

/// What a run of ``SQLiteEventStore/scavenge(_:progress:)`` removed, and what it had to leave.
public struct ScavengeReport: Sendable, Equatable, Codable {
    /// A consumer that has not seen events that are hidden from the readers of their streams.
    public struct Consumer: Sendable, Equatable, Codable {
        /// Of a checkpoint, a read model, a consumer group, or the category of a process manager.
        public var name: String
        /// It has seen everything up to here.
        public var position: Position

        public init(name: String, position: Position) {
            self.name = name
            self.position = position
        }
    }

    /// Streams that lost events.
    public var streams: Int64 = 0
    /// Events removed; in a dry run, those that would be.
    public var events: Int64 = 0
    /// What their records took in the store's own file, in bytes: those in archives stay there, unread. The room in the file is somewhat more; later appends use it again.
    public var bytes: Int64 = 0
    /// Hidden events that were left because of consumers.
    public var heldBack: Int64 = 0
    /// The consumers behind that, the one furthest behind first.
    public var consumers: [Consumer] = []
    /// The file before and after, with its write-ahead log.
    public var fileBytesBefore: Int64 = 0
    public var fileBytesAfter: Int64 = 0

    public init() {}
}
