/// A table or an index of the file, as its pages tell.
public struct TableStatistics: Sendable, Equatable, Codable {
    public var table: String
    public var rows: Int64
    /// Bytes of its pages.
    public var bytes: Int64
    /// Bytes in them that hold content.
    public var payloadBytes: Int64
}
