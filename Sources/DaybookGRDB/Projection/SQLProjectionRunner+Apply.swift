import Daybook
import DaybookCore
import GRDB

extension SQLProjectionRunner {
    /// What became of a transaction.
    enum Outcome: Sendable {
        case committed
        /// The event at this index was refused. Nothing was changed.
        case refused(Refusal)
        /// The rows break a constraint that is checked at the end of the transaction. Nothing was changed.
        case refusedAsWhole(reason: String)
    }

    /// Applies events and moves the checkpoint, in one transaction as long as all goes well; throws what stopped it, after
    /// saving what came before.
    ///
    /// An event that fails takes its transaction with it, and those before it are applied again in another one: events
    /// rarely fail, and a savepoint for each would cost them all.
    ///
    /// - Parameters:
    ///   - failures: Events that were refused before, by their index, and are to be parked.
    ///   - through: Where the checkpoint is to stand; after the last event when nil.
    func apply(
        _ events: ArraySlice<DecodedEvent<P>>, parking failures: [Int: ProjectionError] = [:], through: Position?,
        _ place: inout Place
    ) async throws(ProjectionError) {
        guard let last = events.last?.recorded else { return }
        let position = through ?? last.position
        switch try await commit(events, parking: failures, from: place.saved, to: position) {
        case .committed:
            place.saved = position
            place.reached = position
            progress.reach(position)
        case .refused(let refusal) where refusal.canBeParked:
            var failures = failures
            failures[refusal.index] = refusal.error
            try await apply(events, parking: failures, through: through, &place)
        case .refused(let refusal):
            try await apply(events[..<refusal.index], parking: failures, through: nil, &place)
            throw refusal.error
        case .refusedAsWhole(let reason):
            // Halved until the event that breaks the constraint stands alone.
            guard events.count > 1 else {
                let error = ProjectionError.failed(at: ProjectionError.Place(last), reason: reason)
                guard failurePolicy.parkedKeys > 0, failures[events.startIndex] == nil else { throw error }
                return try await apply(events, parking: [events.startIndex: error], through: through, &place)
            }
            let middle = events.startIndex + events.count / 2
            try await apply(events[..<middle], parking: failures, through: nil, &place)
            try await apply(events[middle...], parking: failures, through: through, &place)
        }
    }

    /// Applies events and moves the checkpoint in one transaction, if it still stands where it is expected.
    func commit(
        _ events: ArraySlice<DecodedEvent<P>>, parking failures: [Int: ProjectionError] = [:], from expected: Position,
        to position: Position
    ) async throws(ProjectionError) -> Outcome {
        let last = events.last.map { SQLCheckpoint.Event(position: $0.recorded.position, id: $0.recorded.id) }
        let scanned = try await last?.position == position ? last : lastRecorded(through: position)
        do {
            try await database.write { [projection, failurePolicy] db in
                let name = projection.name
                // Before any row is touched, so that a second runner is told so, and not that its rows are there already.
                let checkpoint = try Self.checkpoint(of: name, in: db)
                guard checkpoint.position == expected else {
                    throw DerivedStateError.checkpointMoved(
                        model: name, expected: expected, actual: checkpoint.position)
                }
                var parking = SQLParking(checkpoint.parked, of: projection, failurePolicy)
                for index in events.indices {
                    let event = events[index]
                    if try parking.holds(event, event.failure ?? failures[index], at: index) { continue }
                    do {
                        try event.apply(to: projection, in: db)
                    } catch let error as ProjectionError {
                        throw Refusal(index: index, error: error, canBeParked: failurePolicy.parkedKeys > 0)
                    }
                    try event.checkTransaction(of: db)
                }
                try SQLCheckpoint.move(name, to: position, event: last, scanned: scanned, in: db)
                if parking.keys != checkpoint.parked { try SQLCheckpoint.park(parking.keys, of: name, in: db) }
            }
            return .committed
        } catch let refusal as Refusal {
            return .refused(refusal)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            return .refusedAsWhole(reason: String(describing: error))
        } catch {
            throw ProjectionError(database: error)
        }
    }

    /// The last event of the log up to a position, whether the projection applies it or not.
    private func lastRecorded(through position: Position) async throws(ProjectionError) -> SQLCheckpoint.Event? {
        do throws(ReadError) {
            let page = try await log.readPage(
                from: .position(position), direction: .backward, filter: .everything, limit: 1)
            return page.events.first.map { SQLCheckpoint.Event(position: $0.position, id: $0.id) }
        } catch {
            throw ProjectionError(error)
        }
    }

    static func checkpoint(of model: ReadModelName, in db: Database) throws -> SQLCheckpoint {
        guard let checkpoint = try SQLCheckpoint.fetch(model, in: db) else {
            throw DerivedStateError.storageFailed(
                reason: "read model '\(model)' was deleted: make a new runner, which builds it again")
        }
        return checkpoint
    }

    /// How far the rows have come.
    func checkpoint() async throws(ProjectionError) -> SQLCheckpoint {
        do {
            let name = projection.name
            return try await database.read { try Self.checkpoint(of: name, in: $0) }
        } catch {
            throw ProjectionError(database: error)
        }
    }
}

extension ProjectionError {
    init(database error: any Error) {
        self =
            switch error {
            case is CancellationError: .cancelled
            case let error as ProjectionError: error
            case let error as DerivedStateError: .store(error)
            default: .store(.storageFailed(reason: String(describing: error)))
            }
    }
}
