/// What one connection of a store has in memory, and how well that serves.
public struct ConnectionStatistics: Sendable, Equatable, Codable {
    /// `writer`, or `reader-0` and so on.
    public var connection: String
    /// Bytes of pages in its cache; at most about ``SQLiteEventStore/Configuration/cacheBytes``.
    public var cacheBytes: Int64
    /// Pages found in the cache since opening, and pages read from the file or mapped.
    public var cacheHits: Int64
    public var cacheMisses: Int64
    /// Names remembered, at most about ``SQLiteEventStore/Configuration/cachedNames``; some are counted twice.
    public var namesCached: Int
}
