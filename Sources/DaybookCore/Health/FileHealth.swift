/// What the health of a store in a file says of the file and its disk.
public struct FileHealth: Sendable, Equatable, Codable {
    /// Events that the index of the file does not have yet; they are in memory.
    public var eventsNotIndexed: Int64
    /// The size of the file's write-ahead log.
    public var walBytes: Int64
    /// Bytes free on the store's disk; nil when the system does not tell.
    public var freeBytes: Int64?
    /// The free bytes below which appends are refused; 0 for none.
    public var freeSpaceReserve: Int64
    /// Why nothing can be written any more. Nil when all is well, or when another process has the store open.
    public var failure: String?

    public init(
        eventsNotIndexed: Int64, walBytes: Int64, freeBytes: Int64?, freeSpaceReserve: Int64, failure: String? = nil
    ) {
        self.eventsNotIndexed = eventsNotIndexed
        self.walBytes = walBytes
        self.freeBytes = freeBytes
        self.freeSpaceReserve = freeSpaceReserve
        self.failure = failure
    }
}
