import Daybook
import DaybookCore
import GRDB

extension SQLProjectionRunner {
    /// A recorded event as what it is today: one event, several or none.
    struct DecodedEvent: Sendable {
        var recorded: RecordedEvent
        var events: [P.Event]
    }

    /// What became of a transaction.
    enum Outcome: Sendable {
        case committed
        /// The event at this index was refused. Nothing was changed.
        case refused(index: Int, reason: String)
        /// The rows break a constraint that is checked at the end of the transaction. Nothing was changed.
        case refusedAsWhole(reason: String)
    }

    /// Applies events and moves the checkpoint, in one transaction as long as all goes well; throws what stopped it, after
    /// saving what came before.
    ///
    /// An event that fails takes its transaction with it, and those before it are applied again in another one: events
    /// rarely fail, and a savepoint for each would cost them all.
    ///
    /// - Parameter through: Where the checkpoint is to stand; behind the last event when nil.
    func apply(
        _ events: ArraySlice<DecodedEvent>, through: Position?, _ place: inout Place
    ) async throws(ProjectionError) {
        guard let last = events.last?.recorded else { return }
        let position = through ?? last.position
        switch try await commit(events, from: place.saved, to: position) {
        case .committed:
            place = Place(saved: position, reached: position)
            progress.reach(position)
        case .refused(let index, let reason):
            try await apply(events[..<index], through: nil, &place)
            throw .failed(at: ProjectionError.Place(events[index].recorded), reason: reason)
        case .refusedAsWhole(let reason):
            // Halved until the event that breaks the constraint stands alone.
            guard events.count > 1 else { throw .failed(at: ProjectionError.Place(last), reason: reason) }
            let middle = events.startIndex + events.count / 2
            try await apply(events[..<middle], through: nil, &place)
            try await apply(events[middle...], through: through, &place)
        }
    }

    /// Applies events and moves the checkpoint in one transaction, if it still stands where it is expected.
    func commit(
        _ events: ArraySlice<DecodedEvent>, from expected: Position, to position: Position
    ) async throws(ProjectionError) -> Outcome {
        do {
            try await database.write { [projection] db in
                let name = projection.name
                // Before any row is touched, so that a second runner is told so, and not that its rows are there already.
                guard let checkpoint = try SQLCheckpoint.fetch(name, in: db) else { throw Self.deleted(name) }
                guard checkpoint.position == expected else {
                    throw DerivedStateError.checkpointMoved(
                        model: name, expected: expected, actual: checkpoint.position)
                }
                for index in events.indices {
                    let recorded = events[index].recorded
                    do {
                        for event in events[index].events { try projection.apply(event, recorded: recorded, in: db) }
                    } catch let error as DatabaseError where error.resultCode.isOfStorage {
                        throw error
                    } catch let error as CancellationError {
                        throw error
                    } catch {
                        throw Refusal(index: index, reason: String(describing: error))
                    }
                    guard db.isInsideTransaction else { throw Self.transactionEnded(by: recorded) }
                }
                let last = events.last.map { SQLCheckpoint.Event(position: $0.recorded.position, id: $0.recorded.id) }
                try SQLCheckpoint.move(name, to: position, event: last, in: db)
            }
            return .committed
        } catch let refusal as Refusal {
            return .refused(index: refusal.index, reason: refusal.reason)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            return .refusedAsWhole(reason: String(describing: error))
        } catch {
            throw ProjectionError(database: error)
        }
    }

    /// Where the checkpoint stands.
    func savedPosition() async throws(ProjectionError) -> Position {
        do {
            let name = projection.name
            return try await database.read { db in
                guard let checkpoint = try SQLCheckpoint.fetch(name, in: db) else { throw Self.deleted(name) }
                return checkpoint.position
            }
        } catch {
            throw ProjectionError(database: error)
        }
    }

    private static func transactionEnded(by event: RecordedEvent) -> ProjectionError {
        .failed(
            at: ProjectionError.Place(event),
            reason:
                "apply(_:recorded:in:) ended the transaction, so that rows may be saved without their checkpoint: "
                + "leave out COMMIT and ROLLBACK, delete the read model, and build it again")
    }

    private static func deleted(_ model: ReadModelName) -> DerivedStateError {
        .storageFailed(reason: "read model '\(model)' was deleted: make a new runner, which builds it again")
    }
}

/// An event that the projection's own code did not take.
private struct Refusal: Error {
    var index: Int
    var reason: String
}

extension ProjectionError {
    fileprivate init(database error: any Error) {
        self =
            switch error {
            case is CancellationError: .cancelled
            case let error as ProjectionError: error
            case let error as DerivedStateError: .store(error)
            default: .store(.storageFailed(reason: String(describing: error)))
            }
    }
}

extension ResultCode {
    /// Whether a statement failed for a reason that lies in the database and not in the statement, and so not in the event.
    fileprivate var isOfStorage: Bool {
        switch self {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_READONLY, .SQLITE_INTERRUPT, .SQLITE_IOERR,
            .SQLITE_CORRUPT, .SQLITE_FULL, .SQLITE_CANTOPEN, .SQLITE_PROTOCOL, .SQLITE_NOTADB:
            true
        default: false
        }
    }
}
