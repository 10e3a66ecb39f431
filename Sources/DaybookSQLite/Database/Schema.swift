import CSQLite

/// The statements that make an empty database a Daybook; `docs/file-format.md` explains each table.
enum Schema {
    /// "DAYB".
    static let applicationID: Int64 = 0x4441_5942
    static let version: Int64 = 2

    static let log = """
        CREATE TABLE names(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL, crc INTEGER NOT NULL);
        CREATE TABLE events(position INTEGER PRIMARY KEY, record BLOB NOT NULL);
        CREATE TABLE commits(number INTEGER PRIMARY KEY, record BLOB NOT NULL);
        CREATE TABLE checkpoints(name TEXT PRIMARY KEY, position INTEGER NOT NULL, head INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE snapshots(key TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL,
            schema TEXT NOT NULL, data BLOB NOT NULL, crc INTEGER NOT NULL, head INTEGER NOT NULL);
        CREATE TABLE read_models(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, position INTEGER NOT NULL,
            head INTEGER NOT NULL);
        CREATE TABLE documents(model INTEGER NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL,
            PRIMARY KEY(model, key)) WITHOUT ROWID;
        \(removals)
        """

    /// Made when the first end is saved: files of earlier versions have none. See ``LogEnd``.
    static let logEnd = """
        CREATE TABLE IF NOT EXISTS log_end(id INTEGER PRIMARY KEY, position INTEGER NOT NULL, last_name INTEGER NOT NULL,
            last_commit INTEGER NOT NULL, crc INTEGER NOT NULL)
        """

    /// What version 2 has beyond version 1.
    static let removals = """
        CREATE TABLE IF NOT EXISTS scavenged(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, crc INTEGER NOT NULL);
        CREATE TABLE IF NOT EXISTS archives(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, name TEXT NOT NULL,
            bytes INTEGER NOT NULL, records INTEGER NOT NULL, crc INTEGER NOT NULL);
        """

    /// Makes a file of an earlier version one of this version, in one transaction; does nothing to one that is.
    static func upgrade(_ connection: Connection) throws(SQLiteFailure) {
        guard try connection.integer("PRAGMA user_version") ?? 0 < version else { return }
        do {
            try connection.execute("BEGIN IMMEDIATE; \(removals) PRAGMA user_version = \(version); COMMIT")
        } catch {
            if connection.isInTransaction { try? connection.execute("ROLLBACK") }
            throw error
        }
    }

    /// The log's end as the statement sees it: kept beside derived state, so that a log that was cut off since is found
    /// out at the next opening.
    static let head = "(SELECT ifnull(max(position), 0) FROM events)"

    static let index = """
        CREATE TABLE IF NOT EXISTS index_segments(id INTEGER PRIMARY KEY, level INTEGER NOT NULL,
            first INTEGER NOT NULL, last INTEGER NOT NULL, last_name INTEGER NOT NULL, last_commit INTEGER NOT NULL,
            blocks INTEGER NOT NULL, controls INTEGER NOT NULL, crc INTEGER NOT NULL, map BLOB NOT NULL);
        CREATE TABLE IF NOT EXISTS index_blocks(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
        """
}
