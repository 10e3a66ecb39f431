import Daybook
import DaybookCore
import GRDB

/// How far the tables of a read model have come: its row in `daybook_checkpoints`, in the same database.
struct SQLCheckpoint: Sendable, Equatable {
    /// An event of the log, and where it stood.
    struct Event: Sendable, Equatable {
        var position: Position
        var id: EventID
    }

    /// Every event up to here is in the rows.
    var position: Position
    /// The last event that was applied. By its identifier, a log that the rows were not made of is told from the one
    /// that they were.
    var lastEvent: Event?
    /// The last event of the log up to the position, applied or not: logs may part behind the last applied one.
    var scannedEvent: Event?
    /// What waits for an event that failed. It changes in the transaction of the rows.
    var parked: ParkedKeys

    /// Nil when there is no such read model.
    static func fetch(_ model: ReadModelName, in db: Database) throws -> SQLCheckpoint? {
        guard try db.tableExists("daybook_checkpoints") else { return nil }
        // A snapshot of before scanned events were kept is read as it is.
        let isOlder = try !db.columns(in: "daybook_checkpoints").contains { $0.name == "scanned_id" }
        let scanned = isOlder ? "NULL AS scanned_position, NULL AS scanned_id" : "scanned_position, scanned_id"
        let statement = try db.cachedStatement(
            sql: """
                SELECT position, event_position, event_id, parked, \(scanned) FROM daybook_checkpoints WHERE name = ?
                """)
        guard let row = try Row.fetchOne(statement, arguments: [model.rawValue]) else { return nil }
        let parked = try row.decode(String?.self, forColumn: "parked").map { Array($0.utf8) }
        var checkpoint = SQLCheckpoint(
            position: Position(try row.decode(Int64.self, forColumn: "position")),
            parked: try ParkedKeys(parked, of: model))
        checkpoint.lastEvent = try event("event_position", "event_id", in: row)
        checkpoint.scannedEvent = try event("scanned_position", "scanned_id", in: row)
        return checkpoint
    }

    private static func event(_ position: String, _ id: String, in row: Row) throws -> Event? {
        guard let position = try row.decode(Int64?.self, forColumn: position),
            let id = try row.decode(String?.self, forColumn: id).flatMap({ EventID($0) })
        else { return nil }
        return Event(position: Position(position), id: id)
    }

    /// Creates the table of checkpoints, or brings it up to date.
    static func createTable(in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE IF NOT EXISTS daybook_checkpoints (
                    name TEXT NOT NULL PRIMARY KEY, position INTEGER NOT NULL, event_position INTEGER, event_id TEXT,
                    parked TEXT, scanned_position INTEGER, scanned_id TEXT
                ) WITHOUT ROWID
                """)
        let names = try db.columns(in: "daybook_checkpoints").map(\.name)
        for (name, type) in [("parked", "TEXT"), ("scanned_position", "INTEGER"), ("scanned_id", "TEXT")]
        where !names.contains(name) {
            try db.execute(sql: "ALTER TABLE daybook_checkpoints ADD COLUMN \(name) \(type)")
        }
    }

    /// Begins the checkpoint of a new read model at the start of the log.
    static func insert(_ model: ReadModelName, in db: Database) throws {
        try db.execute(
            sql: "INSERT INTO daybook_checkpoints (name, position) VALUES (?, ?)",
            arguments: [model.rawValue, Position.start.rawValue])
    }

    /// Moves the checkpoint; the last events stay what they were when none are given.
    static func move(
        _ model: ReadModelName, to position: Position, event: Event?, scanned: Event?, in db: Database
    ) throws {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE daybook_checkpoints SET position = ?, event_position = coalesce(?, event_position),
                    event_id = coalesce(?, event_id), scanned_position = coalesce(?, scanned_position),
                    scanned_id = coalesce(?, scanned_id)
                WHERE name = ?
                """)
        try statement.execute(
            arguments: [
                position.rawValue, event?.position.rawValue, event?.id.description, scanned?.position.rawValue,
                scanned?.id.description, model.rawValue,
            ])
    }

    static func park(_ parked: ParkedKeys, of model: ReadModelName, in db: Database) throws {
        let text = try parked.encoded(for: model).map { String(decoding: $0, as: UTF8.self) }
        try db.execute(
            sql: "UPDATE daybook_checkpoints SET parked = ? WHERE name = ?", arguments: [text, model.rawValue])
    }

    static func delete(_ model: ReadModelName, in db: Database) throws {
        try db.execute(sql: "DELETE FROM daybook_checkpoints WHERE name = ?", arguments: [model.rawValue])
    }

    /// Refuses a log that the rows were not made of: its events would be added to those of another.
    func check(_ model: ReadModelName, agreesWith log: any EventStore) async throws(SQLReadModelError) {
        do {
            let head = try await log.head()
            guard position <= head else {
                throw SQLReadModelError.beyondLog(
                    model: model, position: position, head: head)
            }
            for known in [lastEvent, scannedEvent].compactMap({ $0 }) {
                let page = try await log.readPage(
                    from: .position(known.position), direction: .forward, filter: .everything, limit: 1)
                if let recorded = page.events.first, recorded.position == known.position, recorded.id != known.id {
                    throw SQLReadModelError.otherLog(
                        model: model, position: known.position, applied: known.id, recorded: recorded.id)
                }
            }
        } catch {
            throw SQLReadModelError(error)
        }
    }
}
