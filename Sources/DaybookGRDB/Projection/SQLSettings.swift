import GRDB

/// How a database keeps what is written to it (https://www.sqlite.org/pragma.html#pragma_synchronous).
struct SQLSettings {
    var journalMode: String
    var synchronous: Int

    /// Nil for a database in memory, of which a crash leaves nothing.
    static func fetch(_ db: Database) throws -> SQLSettings? {
        let file = try String.fetchOne(db, sql: "SELECT file FROM pragma_database_list WHERE name = 'main'")
        guard let file, !file.isEmpty else { return nil }
        return SQLSettings(
            journalMode: try String.fetchOne(db, sql: "PRAGMA main.journal_mode") ?? "unknown",
            synchronous: try Int.fetchOne(db, sql: "PRAGMA main.synchronous") ?? 0)
    }

    /// Whether transactions survive whole and in order, though the last ones may be lost.
    var keepsOrder: Bool { synchronous >= (journalMode == "wal" ? 1 : 2) && hasJournal }
    /// Whether a transaction that was committed survives a power cut. A journal that is deleted may come back after one, and
    /// undo what it was for, unless its folder is synced too.
    var keepsAll: Bool { synchronous >= (journalMode == "delete" ? 3 : 2) && hasJournal }

    private var hasJournal: Bool { ["wal", "delete", "truncate", "persist"].contains(journalMode) }
}
