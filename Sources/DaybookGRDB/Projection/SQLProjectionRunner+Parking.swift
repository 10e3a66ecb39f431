import Daybook
import DaybookCore
import GRDB

extension SQLProjectionRunner {
    /// The keys that have stopped before an event that failed, in the order of positions.
    public func parkedKeys() async throws(ProjectionError) -> [ParkedKey] {
        try await checkpoint().parked.list
    }

    /// Takes the events into account that parked keys have missed, in order and as they are read today, whether or not the
    /// projection runs meanwhile; it goes on with these keys from then on.
    ///
    /// All keys are resumed together: an event may wait for several of them.
    ///
    /// - Returns: The keys that are parked still, since an event of theirs failed once more: what came before it is in the
    ///   rows.
    /// - Throws: `ProjectionError.undecodable` and `ProjectionError.failed` for an event of which nobody can say what keys
    ///   it has, or that has other keys now than when they were parked; `.read`, `.store` and `.cancelled`. All keys that
    ///   have not been brought up to date stay parked.
    /// - Complexity: O(events of the projection since the first key was parked).
    @discardableResult
    public func resumeParkedKeys() async throws(ProjectionError) -> [ParkedKey] {
        var place: Resumption? = Resumption(failed: try ParkedKeys(nil, of: projection.name))
        while let next = place { place = try await resume(next) }
        return try await parkedKeys()
    }

    /// How far missed events have been taken into account.
    private struct Resumption: Sendable {
        /// Everything up to here was; nil before the first page.
        var reached: Position?
        /// The keys that failed once more.
        var failed: ParkedKeys
        /// A page in which a constraint broke at the end of the transaction is taken event by event.
        var eventCount = Limits.eventsPerPage
        var refused: (error: ProjectionError, position: Position)?
    }

    /// Takes a page of missed events into account; returns nil at the end.
    private func resume(_ place: Resumption) async throws(ProjectionError) -> Resumption? {
        guard !Task.isCancelled else { throw .cancelled }
        let parked = try await checkpoint().parked
        let waiting = parked.list.filter { !place.failed.contains($0.key) }
        guard let first = waiting.map(\.position).min() else { return nil }
        let page: LogPage
        do {
            page = try await log.readPage(
                from: .position(max(first, place.reached?.next ?? first)), direction: .forward,
                filter: projection.filter, limit: min(batchSize, place.eventCount))
        } catch {
            throw ProjectionError(error)
        }
        let events = page.events.map { DecodedEvent<P>($0, by: reader) }
        do {
            return try await database.write { [projection] db in
                let name = projection.name
                let checkpoint = try Self.checkpoint(of: name, in: db)
                var next = place
                // Another one resumed meanwhile: what it took must not be taken again.
                guard checkpoint.parked == parked else {
                    next.reached = nil
                    return next
                }
                let held = SQLParking(checkpoint.parked, of: projection, .stop)
                var parked = checkpoint.parked
                for event in events where event.recorded.position <= checkpoint.position {
                    let refused = place.refused.flatMap { $0.position == event.recorded.position ? $0.error : nil }
                    try Self.resume(event, projection, held, &parked, &next.failed, refused, db)
                }
                let isDone = page.scannedThrough >= checkpoint.position
                next.reached = min(page.scannedThrough, checkpoint.position)
                next.eventCount = min(place.eventCount * 2, Limits.eventsPerPage)
                next.refused = nil
                for key in waiting.map(\.key) where !next.failed.contains(key) {
                    guard let entry = parked[key], entry.position <= page.scannedThrough else { continue }
                    parked[key] =
                        isDone ? nil : ParkedKey(key: key, position: page.scannedThrough.next, reason: entry.reason)
                }
                try SQLCheckpoint.park(parked, of: name, in: db)
                return isDone ? nil : next
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
            var next = place
            if place.eventCount == 1, let last = events.last?.recorded {
                guard place.refused?.position != last.position else { throw ProjectionError(database: error) }
                let failure = ProjectionError.failed(
                    at: ProjectionError.Place(last), reason: String(describing: error))
                next.refused = (failure, last.position)
            }
            next.eventCount = 1
            return next
        } catch {
            throw ProjectionError(database: error)
        }
    }

    /// Takes one event into account, if it was missed; parks its keys again when it fails.
    private static func resume(
        _ event: DecodedEvent<P>, _ projection: P, _ held: SQLParking<P>, _ parked: inout ParkedKeys,
        _ failed: inout ParkedKeys, _ refused: ProjectionError?, _ db: Database
    ) throws {
        let position = event.recorded.position
        let known = held.names(of: event, event.failure ?? refused)
        guard let names = known.names, !names.isEmpty else {
            // An event that has no key was never missed.
            guard let failure = known.failure, event.failure != nil || known.names == nil else { return }
            throw failure
        }
        guard try held.hasMissed(event.recorded, names) else { return }
        var failure = known.failure
        if failure == nil, let other = names.first(where: { failed.contains($0) }) {
            failure = .failed(
                at: ProjectionError.Place(event.recorded), reason: SQLParking<P>.waiting(for: other))
        }
        if failure == nil {
            do {
                try db.inSavepoint {
                    try event.apply(to: projection, in: db)
                    return .commit
                }
            } catch let error as ProjectionError {
                // A conflict clause may undo all: the event is to stand alone.
                guard db.isInsideTransaction else {
                    throw DatabaseError(resultCode: .SQLITE_CONSTRAINT, message: error.description)
                }
                failure = error
            }
            try event.checkTransaction(of: db)
        }
        guard let failure else { return }
        for name in names where !failed.contains(name) {
            let entry = ParkedKey(key: name, position: position, reason: failure.description)
            failed[name] = entry
            parked[name] = entry
        }
    }
}
