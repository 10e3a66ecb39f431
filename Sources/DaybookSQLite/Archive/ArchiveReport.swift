import DaybookCore

/// What ``SQLiteEventStore/archive(through:progress:)`` moved.
public struct ArchiveReport: Sendable, Equatable, Codable {
    /// The archive; nil when there was nothing to move.
    public var file: String?
    /// The positions that it covers, from the one behind the archive before.
    public var first: Position?
    public var last: Position?
    public var events: Int64 = 0
    public var bytes: Int64 = 0
    /// Events that an earlier run had archived, and were removed from the store's own file only now.
    public var leftOver: Int64 = 0

    public init() {}
}
