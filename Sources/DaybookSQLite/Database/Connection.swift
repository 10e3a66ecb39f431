import CDaybookSQLite
import CSQLite

/// One connection to a database file, used by one thread at a time.
final class Connection {
    let handle: OpaquePointer
    /// Pages in the write-ahead log after the last commit of this connection.
    private(set) var walPages = 0
    private let walBuffer: OpaquePointer?

    /// - Parameters:
    ///   - fileSystem: The name of a registered SQLite VFS; the platform's own when nil.
    ///   - buffersWAL: Whether what is written to the write-ahead log is gathered up to the next sync. Every commit must
    ///     be synced.
    init(
        path: String, readOnly: Bool, creates: Bool, fileSystem: String?, buffersWAL: Bool = false
    ) throws(SQLiteFailure) {
        var fileSystem = fileSystem
        walBuffer = buffersWAL ? daybook_wal_buffer_create(fileSystem) : nil
        if let walBuffer { fileSystem = String(cString: daybook_wal_buffer_name(walBuffer)) }
        // Readers open for writing too, since a read-only connection cannot recover a write-ahead log; query_only
        // keeps them from writing.
        do {
            handle = try Self.open(path, SQLITE_OPEN_READWRITE | (creates ? SQLITE_OPEN_CREATE : 0), fileSystem)
        } catch {
            daybook_wal_buffer_free(walBuffer)
            throw error
        }
        if walBuffer != nil { daybook_wal_buffer_attach(handle) }
        if readOnly { try execute("PRAGMA query_only = ON") }
    }

    /// Reads a file that another connection writes, also one of another process: it can neither write nor copy the
    /// write-ahead log into the database, not even when it is the last to close.
    init(observing path: String, fileSystem: String?) throws(SQLiteFailure) {
        walBuffer = nil
        handle = try Self.open(path, SQLITE_OPEN_READONLY, fileSystem)
        try disableCheckpointOnClose()
        try execute("PRAGMA wal_autocheckpoint = 0")
    }

    /// Keeps it from copying the write-ahead log into the database when it is the last to close.
    func disableCheckpointOnClose() throws(SQLiteFailure) {
        let code = daybook_disable_checkpoint_on_close(handle)
        guard code == SQLITE_OK else { throw SQLiteFailure(code, handle, "leaving checkpoints to another process") }
    }

    /// SQLite may be built to take what begins with `file:` for a URI, and then opens a file whose lock nobody holds.
    ///
    /// Source: https://sqlite.org/uri.html
    private static func noURI(_ path: String) -> String { path.hasPrefix("file:") ? "./" + path : path }

    private static func open(
        _ path: String, _ flags: Int32, _ fileSystem: String?
    ) throws(SQLiteFailure) -> OpaquePointer {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(noURI(path), &handle, flags | SQLITE_OPEN_NOMUTEX, fileSystem)
        guard code == SQLITE_OK, let handle else {
            let failure = SQLiteFailure(code, handle, "opening \(path)")
            sqlite3_close_v2(handle)
            throw failure
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, 5000)
        // Without it the last connection to close deletes the shared memory's file, and on a disk that has become full since
        // there is no room to make it again: the store could not even be read.
        var keepsFiles: Int32 = 1
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keepsFiles)
        return handle
    }

    /// Opens a file that is never changed again, for reading.
    init(path: String, fileSystem: String?) throws(SQLiteFailure) {
        walBuffer = nil
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(Self.noURI(path), &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, fileSystem)
        guard code == SQLITE_OK, let handle else {
            let failure = SQLiteFailure(code, handle, "opening \(path)")
            sqlite3_close_v2(handle)
            throw failure
        }
        self.handle = handle
        sqlite3_extended_result_codes(handle, 1)
    }

    /// Lets the last connection that closes remove the write-ahead log and the shared memory, when both are empty.
    func keepNoFiles() {
        var keepsFiles: Int32 = 0
        sqlite3_file_control(handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keepsFiles)
    }

    deinit {
        sqlite3_close_v2(handle)
        daybook_wal_buffer_free(walBuffer)
    }

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

    /// Lets the file of the write-ahead log grow a mebibyte at a time, so that most syncs need not record its length.
    ///
    /// The file is asked for its length seldom. A file system that keeps fine-grained times of change (Linux from 6.13 on)
    /// records the time of the next write anew when somebody has looked at the last, and the sync that follows then writes
    /// the inode, too: a commit that looks takes 0.04 ms more.
    func extendWAL() {
        let used = Int64(walPages) * Self.bytesPerFrame + 32
        let ahead: Int64 = 256 << 10
        if used >= walUsed, used + ahead <= walBytes {
            walUsed = used
            return
        }
        walBytes = daybook_extend_wal(handle, used, ahead, 1 << 20)
        walUsed = used
    }

    /// The length of the write-ahead log's file, and how much of it was in use, when the file was last seen to.
    private var walBytes: Int64 = 0
    private var walUsed: Int64 = 0

    /// A page and the header of its frame.
    private static let bytesPerFrame: Int64 = 4096 + 24

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
        if logged == copied {
            walPages = 0
            walBytes = 0  // The file may be shorter now.
        }
        return logged == copied
    }

    /// How many rows the last statement changed.
    var changedRows: Int { Int(sqlite3_changes64(handle)) }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
}
