import Daybook
import DaybookCore
import GRDB

/// A recorded event as what it is today: one event, several or none; or why it cannot be read.
struct DecodedEvent<P: SQLProjection>: Sendable {
    var recorded: RecordedEvent
    var events: [P.Event] = []
    var failure: ProjectionError?

    init(_ recorded: RecordedEvent, by reader: any EventReader<P.Event>) {
        self.recorded = recorded
        do { events = try reader.decode(recorded) } catch { failure = .undecodable(error) }
    }

    /// Applies it.
    ///
    /// - Throws: `ProjectionError` when it cannot be read or was refused, and anything else when the database failed or the
    ///   task was cancelled.
    func apply(to projection: P, in db: Database) throws {
        if let failure { throw failure }
        do {
            for event in events { try projection.apply(event, recorded: recorded, in: db) }
        } catch let error as DatabaseError where error.resultCode.isOfStorage {
            throw error
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ProjectionError.failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
        }
    }

    /// Throws when the projection's own code has ended the transaction.
    func checkTransaction(of db: Database) throws {
        guard !db.isInsideTransaction else { return }
        throw ProjectionError.failed(
            at: ProjectionError.Place(recorded),
            reason:
                "apply(_:recorded:in:) ended the transaction, so that rows may be saved without their checkpoint: "
                + "leave out COMMIT and ROLLBACK, delete the read model, and build it again")
    }
}

extension ResultCode {
    /// Whether a statement failed for a reason that lies in the database and not in the statement, and so not in the event.
    var isOfStorage: Bool {
        switch self {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_READONLY, .SQLITE_INTERRUPT, .SQLITE_IOERR,
            .SQLITE_CORRUPT, .SQLITE_FULL, .SQLITE_CANTOPEN, .SQLITE_PROTOCOL, .SQLITE_NOTADB:
            true
        default: false
        }
    }
}
