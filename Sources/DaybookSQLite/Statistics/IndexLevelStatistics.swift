/// The index segments of one level.
public struct IndexLevelStatistics: Sendable, Equatable, Codable {
    /// 0 for segments written from memory; one more with every merge.
    public var level: Int64
    public var segments: Int
    public var blocks: Int64
    /// Positions that they cover together.
    public var positions: Int64
}
