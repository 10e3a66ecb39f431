import Daybook
import DaybookCore
import GRDB

/// Makes the effect of a consumer group's handler on tables of your own happen once, however often an event is delivered:
/// the rows and the note that the handler has taken the event are saved in one transaction.
///
/// ```swift
/// let inbox = SQLInbox("invoices")
/// try await group.run { delivery in
///     _ = try await database.write { db in
///         try inbox.once(delivery, in: db) {
///             try db.execute(sql: "INSERT INTO invoices (account) VALUES (?)", arguments: [delivery.key.rawValue])
///         }
///     }
/// }
/// ```
///
/// An event that was acknowledged is not delivered again, so that its rows must survive whatever the acknowledgement
/// survives. The database has to sync each commit, which GRDB's do not do by themselves: execute
/// `PRAGMA synchronous = EXTRA` on the writer when it has been opened.
///
/// A group that is begun anew, or a log that was restored, gives fences from the start, and the inbox takes its deliveries for
/// late ones: delete the rows of its handler from `daybook_inbox_fences` then.
///
/// The notes are in the tables `daybook_inbox` and `daybook_inbox_fences` of the same database.
///
/// For documents there is `Inbox`; rows that are folded from events alone are better made by an ``SQLProjection``.
public struct SQLInbox: Sendable {
    public let handler: InboxHandlerName

    public init(_ handler: InboxHandlerName) { self.handler = handler }

    /// Takes a delivery, unless the handler has taken its event before.
    ///
    /// - Parameters:
    ///   - db: In a transaction, such as that of `DatabaseWriter.write`, which is committed before the handler returns.
    ///   - change: When it throws, nothing of it stays.
    /// - Returns: Whether the change was made now.
    /// - Throws: What `change` throws; `InboxError.fenced` when a later delivery of the key has been taken;
    ///   ``SQLInboxError``; an error of the database.
    @discardableResult
    public func once<Event>(
        _ delivery: ConsumerDelivery<Event>, in db: Database, _ change: () throws -> Void
    ) throws -> Bool {
        try once(delivery.recorded, in: db) {
            try check(delivery.fence, of: delivery.key, in: db)
            try change()
        }
    }

    /// Takes an event that no consumer group delivers, unless the handler has taken it before. Nothing tells whether it
    /// comes late.
    ///
    /// - Throws: What `change` throws; ``SQLInboxError``; an error of the database.
    @discardableResult
    public func once(_ event: RecordedEvent, in db: Database, _ change: () throws -> Void) throws -> Bool {
        guard db.isInsideTransaction else { throw SQLInboxError.noTransaction }
        if let settings = try SQLSettings.fetch(db), !settings.keepsAll {
            throw SQLInboxError.unsafeSettings(journalMode: settings.journalMode, synchronous: settings.synchronous)
        }
        try createTables(in: db)
        var isNew = false
        try db.inSavepoint {
            let note = try db.cachedStatement(
                sql: "INSERT INTO main.daybook_inbox (handler, event, position) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
            )
            try note.execute(arguments: [handler.rawValue, event.id.description, event.position.rawValue])
            isNew = db.changesCount > 0
            if isNew { try change() }
            return .commit
        }
        return isNew
    }

    /// Forgets the events up to a position that will not be delivered again: `ConsumerGroupStatus.settled`.
    ///
    /// - Returns: How many notes were removed.
    /// - Throws: An error of the database.
    /// - Complexity: O(notes of the handler).
    @discardableResult
    public func forget(through position: Position, in db: Database) throws -> Int {
        try createTables(in: db)
        try db.execute(
            sql: "DELETE FROM main.daybook_inbox WHERE handler = ? AND position <= ?",
            arguments: [handler.rawValue, position.rawValue])
        return db.changesCount
    }

    /// Refuses a delivery that is older than the last one of its key, and remembers it otherwise.
    private func check(_ fence: Int64, of key: ConsumerKey, in db: Database) throws {
        let latest = try db.cachedStatement(
            sql: "SELECT fence FROM main.daybook_inbox_fences WHERE handler = ? AND key = ?")
        if let latest = try Int64.fetchOne(latest, arguments: [handler.rawValue, key.rawValue]), latest > fence {
            throw InboxError.fenced(key: key, fence: fence, latest: latest)
        }
        let save = try db.cachedStatement(
            sql: """
                INSERT INTO main.daybook_inbox_fences (handler, key, fence) VALUES (?, ?, ?)
                ON CONFLICT (handler, key) DO UPDATE SET fence = excluded.fence
                """)
        try save.execute(arguments: [handler.rawValue, key.rawValue, fence])
    }

    private func createTables(in db: Database) throws {
        // Not by GRDB's memory of the schema, which a rollback does not undo.
        let known = try db.cachedStatement(
            sql: "SELECT count(*) FROM main.sqlite_master WHERE name IN ('daybook_inbox', 'daybook_inbox_fences')")
        guard try Int.fetchOne(known) != 2 else { return }
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS main.daybook_inbox (
                    handler TEXT NOT NULL, event TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (handler, event)
                ) WITHOUT ROWID;
                CREATE TABLE IF NOT EXISTS main.daybook_inbox_fences (
                    handler TEXT NOT NULL, key TEXT NOT NULL, fence INTEGER NOT NULL, PRIMARY KEY (handler, key)
                ) WITHOUT ROWID;
                """)
    }
}
