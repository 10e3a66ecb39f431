import DaybookCore

/// What a backup holds.
public struct BackupReport: Sendable, Equatable, Codable {
    /// The copy.
    public var destination: String
    /// Its size.
    public var bytes: Int64
    /// The last position that it has.
    public var head: Position
    /// Events that were read in the copy and found whole; nil when it was not verified.
    public var eventsVerified: Int64?
    /// The size of the source's write-ahead log when the copy was made: the part of it that was written meanwhile could not
    /// be copied into the database.
    public var sourceWALBytes: Int64
}
