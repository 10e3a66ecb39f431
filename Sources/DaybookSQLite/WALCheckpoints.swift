/// Who copies the write-ahead log into the database.
public enum WALCheckpoints: Sendable {
    /// The store, when it is idle or the log has some 16,000 pages. No other process may do it, or write.
    case byStore
    /// Another process, such as Litestream, which has to run whenever the store is open: nothing else keeps the write-ahead
    /// log from growing. Opening does not bring what an earlier process has written to its place, since the other process
    /// may be at it.
    ///
    /// Needs SQLite 3.51.3 or later on both sides: two processes that write and copy at once can damage a file with any
    /// earlier one (https://sqlite.org/wal.html#walresetbug). Opening refuses an earlier one here; nobody can see the
    /// other's.
    case byAnotherProcess

    /// The first version of SQLite that two processes may share a file with.
    static let safeSQLiteVersion: Int32 = 3_051_003
}
