import DaybookCore

/// Whether a store and what follows it are well, at one moment.
public struct StoreHealth: Sendable, Equatable, Codable {
    public var head: Position
    public var checkedAt: Timestamp
    public var consumers: [ConsumerHealth]
    /// Events that the index of the file does not have yet; they are in memory.
    public var eventsNotIndexed: Int64
    public var walBytes: Int64
    /// Bytes free on the store's disk, and those below which appends are refused.
    public var freeBytes: Int64?
    public var freeSpaceReserve: Int64
    /// Why nothing can be written any more. Nil when all is well, or when another process has the store open.
    public var failure: String?
    /// What is wrong with the store itself, in words.
    public var problems: [String]

    /// Neither the store nor a consumer has a problem.
    public var isHealthy: Bool { problems.isEmpty && consumers.allSatisfy(\.problems.isEmpty) }
}
