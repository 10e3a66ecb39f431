import Daybook
import DaybookCore
import GRDB

/// Makes rows of events of the log, in tables of its own and with any SQL: a read model for queries that documents under
/// keys do not answer.
///
/// ```swift
/// struct Balances: SQLProjection {
///     let name: ReadModelName = "balances-1"
///
///     func createTables(in db: Database) throws {
///         try db.execute(sql: "CREATE TABLE balances (account TEXT PRIMARY KEY, amount INTEGER NOT NULL)")
///     }
///
///     func dropTables(in db: Database) throws { try db.execute(sql: "DROP TABLE balances") }
///
///     func apply(_ event: AccountEvent, recorded: RecordedEvent, in db: Database) throws {
///         switch event {
///         case .deposited(let amount):
///             let upsert = try db.cachedStatement(
///                 sql: """
///                     INSERT INTO balances VALUES (?, ?)
///                     ON CONFLICT (account) DO UPDATE SET amount = amount + excluded.amount
///                     """)
///             try upsert.execute(arguments: [recorded.stream.rawValue, amount])
///         case .closed:
///             try db.execute(sql: "DELETE FROM balances WHERE account = ?", arguments: [recorded.stream.rawValue])
///         }
///     }
/// }
/// ```
///
/// A projection's rows depend on the events alone, so that they can be deleted and made again. It is run by a
/// ``SQLProjectionRunner``, and queried through GRDB.
///
/// Its tables are in the database's main file: SQLite does not change attached or temporary databases in one step with
/// it.
public protocol SQLProjection: Sendable {
    /// What it is made of: one domain's events, or an `EventUnion` of several.
    associatedtype Event: ReadableEvent

    /// Names the checkpoint. Another name is another read model, with tables of its own, built from the log's start: give
    /// a projection that makes other rows than before a new name, such as `balances-2`.
    var name: ReadModelName { get }

    /// The events that are applied; the store passes over the others. By default those whose type is one of ``Event``. An
    /// event that passes must be readable as an ``Event``.
    var filter: EventFilter { get }

    /// Creates the tables, indexes and triggers that rows are written to. Called once, before the first event, in the
    /// transaction that begins the checkpoint.
    ///
    /// Create them without `IF NOT EXISTS`: tables that exist already belong to another read model.
    func createTables(in db: Database) throws

    /// Drops what ``createTables(in:)`` created.
    func dropTables(in db: Database) throws

    /// Takes an event into account, with any statements but those that begin or end a transaction; savepoints are fine.
    ///
    /// It runs on the database's own thread, and may read what earlier events have written.
    ///
    /// - Throws: Stops the projection before this event, or the event's keys alone, as its runner's policy says. Nothing of
    ///   what it did for the event stays.
    func apply(_ event: Event, recorded: RecordedEvent, in db: Database) throws

    /// What an event is about, such as an account: the rows that it reads and changes depend on no event but those that
    /// share a key with it. By that, other events can go on when one fails: see ``SQLProjectionRunner/parkedKeys()``.
    ///
    /// By default none: an event without keys stops the projection when it fails, whatever the runner's policy. Do not
    /// change an event's keys under one name of the projection while any are parked: what was missed is found by them.
    func keys(for event: Event, recorded: RecordedEvent) throws -> [String]

    /// The keys of an event that this program cannot read: all those that ``keys(for:recorded:)`` gives once it
    /// can be read; else resuming them fails. Nil, or none, when that cannot be told, which stops the projection before the
    /// event whatever the runner's policy. By default nil.
    func keys(forUnreadable recorded: RecordedEvent) -> [String]?
}

extension SQLProjection {
    public var filter: EventFilter { EventFilter(Event.eventTypes) }

    public func keys(for event: Event, recorded: RecordedEvent) throws -> [String] { [] }

    public func keys(forUnreadable recorded: RecordedEvent) -> [String]? { nil }

    /// Drops the tables and forgets the checkpoint, in one transaction; does nothing when there is no such read model.
    ///
    /// A runner that still works on it ends with an error. A new ``SQLProjectionRunner`` builds it again.
    public func deleteReadModel(from database: any DatabaseWriter) async throws(SQLReadModelError) {
        do {
            try await database.write { db in
                guard try db.tableExists("daybook_checkpoints") else { return }
                try SQLCheckpoint.createTable(in: db)
                guard try SQLCheckpoint.fetch(name, in: db) != nil else { return }
                try dropTables(in: db)
                try SQLCheckpoint.delete(name, in: db)
            }
        } catch {
            throw SQLReadModelError(error)
        }
    }
}
