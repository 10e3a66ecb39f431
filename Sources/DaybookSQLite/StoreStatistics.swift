import DaybookCore

/// Sizes and counts of a file.
public struct StoreStatistics: Sendable, Equatable, Codable {
    public var path: String
    public var sqliteVersion: String
    /// The database file, without its write-ahead log.
    public var fileBytes: Int64
    public var walBytes: Int64
    public var head: Position
    /// Events in the log, those of control streams too.
    public var events: Int64
    /// Events that were removed by scavenging.
    public var scavenged: Int64
    /// Everything up to here is in archives; 0 when nothing is.
    public var archivedThrough: Position
    public var archiveBytes: Int64
    /// Archives that are not where they were, or have another size than they had.
    public var missingArchives: [String]
    /// Streams that ever came into being, control streams not.
    public var streams: Int64
    public var eventTypes: Int64
    public var tags: Int64
    /// Commands whose first result is remembered.
    public var commands: Int64
    /// The position up to which the index is in the file; what lies behind is in memory.
    public var indexedThrough: Position
    public var indexSegments: Int
    public var indexBlocks: Int64
    /// The segments of the index by level, from 0.
    public var indexLevels: [IndexLevelStatistics]
    /// Nil when the file was looked at while another process has the store open.
    public var writer: WriterStatistics?
    /// The store's connections; none when another process has the store open.
    public var connections: [ConnectionStatistics]
    /// Nil when it was not asked for, or when SQLite was built without the table `dbstat`.
    public var tables: [TableStatistics]?
    /// Why nothing can be written any more; nil when all is well, or when another process has the store open.
    public var failure: String?
}
