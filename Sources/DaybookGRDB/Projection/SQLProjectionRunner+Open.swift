import Daybook
import DaybookCore
import GRDB

extension SQLProjectionRunner {
    /// Checks the database, and begins the read model when there is none of its name.
    func openReadModel() async throws(SQLReadModelError) -> SQLCheckpoint {
        do {
            return try await database.write { [projection, isScratch] db in
                if !isScratch { try Self.checkSettings(of: db) }
                try SQLCheckpoint.createTable(in: db)
                if let checkpoint = try SQLCheckpoint.fetch(projection.name, in: db) { return checkpoint }
                do { try projection.createTables(in: db) } catch {
                    throw SQLReadModelError.tablesNotCreated(
                        model: projection.name, reason: String(describing: error))
                }
                try SQLCheckpoint.insert(projection.name, in: db)
                return SQLCheckpoint(position: .start, parked: try ParkedKeys(nil, of: projection.name))
            }
        } catch {
            throw SQLReadModelError(error)
        }
    }

    /// Refuses a database of which a crash could keep the checkpoint and lose rows, or the other way round.
    ///
    /// What is needed is not that the last transaction survives, since its events are applied again, but that transactions
    /// survive whole and in order. With a write-ahead log that takes `synchronous=NORMAL`, with a rollback journal `FULL`.
    /// What is in memory goes as a whole.
    private static func checkSettings(of db: Database) throws {
        guard let settings = try SQLSettings.fetch(db), !settings.keepsOrder else { return }
        throw SQLReadModelError.unsafeSettings(
            journalMode: settings.journalMode, synchronous: settings.synchronous)
    }
}
