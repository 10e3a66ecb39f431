import CSQLite

/// One connection to a database file, used by one thread at a time.
final class Connection {
    let handle: OpaquePointer
    /// Pages in the write-ahead log after the last commit of this connection.
    private(set) var walPages = 0

    /// - Parameter fileSystem: The name of a registered SQLite VFS; the platform's own when nil.
    init(path: String, readOnly: Bool, creates: Bool, fileSystem: String?) throws(SQLiteFailure) {
        var handle: OpaquePointer?
        // Readers open for writing too, since a read-only connection cannot recover a write-ahead log; query_only
        // keeps them from writing.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (creates ? SQLITE_OPEN_CREATE : 0)
        let code = sqlite3_open_v2(path, &handle, flags, fileSystem)
        guard code == SQLITE_OK, let handle else {
            let failure = SQLiteFailure(code, handle, "opening \(path)")
            sqlite3_close_v2(handle)
            throw failure
        }
        self.handle = handle
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 5000)
        do {
            if readOnly { try execute("PRAGMA query_only = ON") }
        } catch {
            sqlite3_close_v2(handle)
            throw error
        }
    }

    deinit { sqlite3_close_v2(handle) }

    /// Runs statements that return no rows of interest.
    func execute(_ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteFailure(code, handle, sql) }
    }

    func prepare(_ sql: String) throws(SQLiteFailure) -> Statement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw SQLiteFailure(code, handle, sql) }
        return Statement(statement, connection: self, sql: sql)
    }

    /// The first column of the first row, as an integer; nil when there is no row or it is null.
    func integer(_ sql: String) throws(SQLiteFailure) -> Int64? {
        let statement = try prepare(sql)
        guard try statement.step(), !statement.isNull(0) else { return nil }
        return statement.integer(0)
    }

    /// The first column of the first row, as text, of a statement that is run to its end: one that changes something, such
    /// as the journal mode, commits it only after its last row.
    func text(_ sql: String) throws(SQLiteFailure) -> String? {
        let statement = try prepare(sql)
        guard try statement.step() else { return nil }
        let text = statement.text(0)
        while try statement.step() {}
        return text
    }

    /// Takes over checkpointing from SQLite, and notes the size of the write-ahead log after each commit.
    func countWALPages() {
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                Unmanaged<Connection>.fromOpaque(context!).takeUnretainedValue().walPages = Int(pages)
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    enum CheckpointMode {
        /// As far as readers allow.
        case passive
        /// Waits for readers, and sets the file's length to zero.
        case truncate
    }

    /// Copies the write-ahead log into the database and syncs both.
    ///
    /// - Returns: Whether everything was copied.
    @discardableResult
    func checkpoint(_ mode: CheckpointMode) throws(SQLiteFailure) -> Bool {
        var logged: Int32 = 0
        var copied: Int32 = 0
        let sqliteMode = mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE
        let code = sqlite3_wal_checkpoint_v2(handle, nil, sqliteMode, &logged, &copied)
        if code == SQLITE_BUSY { return false }
        guard code == SQLITE_OK else { throw SQLiteFailure(code, handle, "checkpoint") }
        if logged == copied { walPages = 0 }
        return logged == copied
    }

    /// How many rows the last statement changed.
    var changedRows: Int { Int(sqlite3_changes64(handle)) }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
}
