import Daybook
import DaybookCore
import Foundation
import GRDB

/// The rows of an SQL projection at any moment, made from the log when they are asked for.
///
/// ```swift
/// let history = SQLProjectionHistory(Balances(), of: store).keepingSnapshots(in: folder)
/// let total = try await history.read(asOf: .time(midnight)) { db in
///     try Int.fetchOne(db, sql: "SELECT sum(amount) FROM balances")
/// }
/// let changes = try await history.lineage { db in
///     try Int.fetchOne(db, sql: "SELECT amount FROM balances WHERE account = 'account-42'")
/// }
/// for change in changes { print(change.event.position, change.before ?? 0, "→", change.after ?? 0) }
/// ```
///
/// It answers for projections that run (``SQLProjectionRunner``) and for those that never do. Keys that a runner has parked
/// are not left out: an event that fails ends every question about a later moment, with an error.
///
/// Each question is answered in a scratch database in the system's temporary folder (`TMPDIR`), which goes with it.
///
/// **Cost.** Without snapshots, all events of the projection up to the moment are applied. With
/// ``keepingSnapshots(in:)``, those since the last snapshot before it, to a copy of its file; for the moment of a snapshot
/// itself nothing is copied or applied.
public struct SQLProjectionHistory<P: SQLProjection>: Sendable {
    public let projection: P
    private let log: any EventStore
    private let reader: any EventReader<P.Event>
    private let configuration: Configuration
    private var snapshots: SQLSnapshots?

    /// - Parameters:
    ///   - log: Where the events are.
    ///   - configuration: How scratch databases are opened: as the application opens the read model's own, where the
    ///     projection or the queries need functions, collations or settings of it.
    public init(
        _ projection: P, of log: any EventStore, reader: any EventReader<P.Event> = P.Event.makeReader(),
        configuration: Configuration = Configuration()
    ) {
        self.projection = projection
        self.log = log
        self.reader = reader
        self.configuration = configuration
    }

    /// A history that keeps the rows as of some moments, and starts from there for later ones.
    ///
    /// - Parameter folder: Where; it is created when there is none. Other read models may use it too. Snapshots belong to
    ///   one log and one projection: ``deleteSnapshots(through:)`` when the projection was changed under its name, or the
    ///   log was restored.
    public func keepingSnapshots(in folder: URL) -> SQLProjectionHistory {
        var history = self
        history.snapshots = SQLSnapshots(of: projection.name, in: folder)
        return history
    }

    /// Reads the rows as they were at a moment.
    ///
    /// - Parameters:
    ///   - moment: Everything that was recorded by then counts.
    ///   - value: Queries the rows; it cannot change them.
    /// - Throws: ``SQLHistoryError``. What `value` throws comes as ``SQLHistoryError/queryFailed(reason:)``.
    public func read<Value: Sendable>(
        asOf moment: LogMoment = .latest, _ value: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLHistoryError) -> Value {
        do {
            let rows = try await rows(through: try await moment.position(in: log))
            return try await rows.read { db in try SQLHistoryError.query { try value(db) } }
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The events that changed a value, oldest first, each with the value before and after it.
    ///
    /// - Parameters:
    ///   - earlier: What was recorded by then is left out; nothing is when nil.
    ///   - later: So is what was recorded after this moment.
    ///   - value: What is looked at, after each event that changed rows: a query that an index answers.
    /// - Throws: ``SQLHistoryError``. What `value` throws comes as ``SQLHistoryError/queryFailed(reason:)``.
    /// - Complexity: O(events) in time, each with one call of `value`; all changes in memory.
    public func lineage<Value: Equatable & Sendable>(
        from earlier: LogMoment? = nil, to later: LogMoment = .latest,
        of value: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLHistoryError) -> [SQLValueChange<Value>] {
        do {
            let end = try await later.position(in: log)
            let start = try await earlier?.position(in: log) ?? .start
            let scratch = try await scratch(through: min(start, end))
            return try await walk.changes(scratch, after: start, through: end, of: value)
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The rows that are others at a later moment than at an earlier one, with the events that explain it.
    ///
    /// - Parameters:
    ///   - query: Which rows.
    ///   - earlier: A moment later than `later` counts as `later`.
    ///   - limit: How many differences to keep, each with its causes. All are counted.
    ///   - causes: The most events to give for each difference; the last ones that changed the row are given. What was
    ///     undone within 500 events is not.
    /// - Throws: ``SQLHistoryError``.
    /// - Complexity: O(events + rows) in time; two scratch databases on the disk.
    public func differences(
        of query: SQLQuery, from earlier: LogMoment, to later: LogMoment = .latest, keepingFirst limit: Int = 20,
        causes: Int = 10
    ) async throws(SQLHistoryError) -> SQLRowComparison {
        do {
            let end = try await later.position(in: log)
            let start = min(try await earlier.position(in: log), end)
            let old = try await scratch(through: start)
            let new = try await rows(through: end)
            var comparison = try await Self.compare(query, old, new, limit)
            let keys = comparison.keys
            var found = [[RecordedEvent]](repeating: [], count: keys.count)
            try await walk.changes(old, after: start, through: end, count: keys.count) { index, db in
                try query.row(keys[index], in: db)
            } note: { index, event, _ in
                found[index].append(event)
                if found[index].count > causes { found[index].removeFirst() }
            }
            for index in keys.indices { comparison.differences[index].causes = found[index] }
            return comparison
        } catch {
            throw SQLHistoryError(error)
        }
    }

    private static func compare(
        _ query: SQLQuery, _ old: ScratchDatabase, _ new: ScratchDatabase, _ limit: Int
    ) async throws -> SQLRowComparison {
        defer { withExtendedLifetime(new) {} }
        return try await old.read { olds in
            try new.queue.read { news in
                try SQLHistoryError.query {
                    try SQLRowComparison(query, in: olds, query, in: news, keepingFirst: limit)
                }
            }
        }
    }

    /// Keeps the rows as of a moment, every night say; does nothing when they are kept as of that position.
    ///
    /// - Returns: The position at which they are kept.
    /// - Throws: ``SQLHistoryError``; ``SQLHistoryError/noFolder`` without ``keepingSnapshots(in:)``.
    /// - Complexity: O(events since the snapshot before) in time, and the size of the rows on the disk.
    @discardableResult
    public func keepSnapshot(asOf moment: LogMoment = .latest) async throws(SQLHistoryError) -> Position {
        do {
            let snapshots = try folder()
            let end = try await moment.position(in: log)
            if let kept = try snapshots.nearest(through: end), kept.position == end {
                try await check(try open(kept), at: end)
            } else {
                try snapshots.keep(try await scratch(through: end), at: end)
            }
            return end
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// Keeps the rows at every so many positions of the log, wherever they are not kept yet, so that any moment is at most as
    /// many events after a snapshot. Interrupted, it goes on with those that are missing.
    ///
    /// - Parameters:
    ///   - positions: At least 1.
    ///   - report: Called after each page of the log with the position reached and the log's head.
    /// - Throws: ``SQLHistoryError``; ``SQLHistoryError/noFolder`` without ``keepingSnapshots(in:)``.
    /// - Complexity: O(events since the snapshot before the first that is missing) in time; the size of the rows on the
    ///   disk for each snapshot.
    public func keepSnapshots(
        every positions: Int64, reporting report: (Position, Position) -> Void = { _, _ in }
    ) async throws(SQLHistoryError) {
        do {
            let snapshots = try folder()
            let head = try await log.head()
            let kept = Set(try snapshots.list().map(\.position))
            let step = max(positions, 1)
            var last: (rows: ScratchDatabase, position: Position)?
            for number in stride(from: step, through: head.rawValue, by: Int64.Stride(step)) {
                let position = Position(number)
                guard !kept.contains(position) else { continue }
                let rows: ScratchDatabase
                if let last {
                    rows = last.rows
                    try await advance(rows, after: last.position, through: position) { report($0, head) }
                } else {
                    rows = try await scratch(through: position) { report($0, head) }
                }
                try snapshots.keep(rows, at: position)
                last = (rows, position)
            }
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The positions at which the rows are kept, in order.
    ///
    /// - Throws: ``SQLHistoryError``; ``SQLHistoryError/noFolder`` without ``keepingSnapshots(in:)``.
    public func snapshotPositions() throws(SQLHistoryError) -> [Position] {
        do { return try folder().list().map(\.position) } catch { throw SQLHistoryError(error) }
    }

    /// Deletes snapshots: those that nobody asks for any more; or all, when ``projection`` was changed without another name,
    /// an event was taken away for good, or the log was restored.
    ///
    /// - Parameter position: The last one to be deleted; all by default.
    /// - Throws: ``SQLHistoryError``; ``SQLHistoryError/noFolder`` without ``keepingSnapshots(in:)``.
    public func deleteSnapshots(through position: Position = Position(.max)) throws(SQLHistoryError) {
        do { try folder().delete(through: position) } catch { throw SQLHistoryError(error) }
    }

    private func folder() throws -> SQLSnapshots {
        guard let snapshots else { throw SQLHistoryError.noFolder }
        return snapshots
    }

    private var walk: SQLWalk {
        SQLWalk(log: log, filter: projection.filter) { [projection, reader] recorded, db in
            let event = DecodedEvent<P>(recorded, by: reader)
            try event.apply(to: projection, in: db)
            try event.checkTransaction(of: db)
        }
    }

    /// The rows as of a position, to be read.
    private func rows(through end: Position) async throws -> ScratchDatabase {
        guard let snapshot = try snapshots?.nearest(through: end), snapshot.position == end else {
            return try await scratch(through: end)
        }
        let rows = try open(snapshot)
        try await check(rows, at: end)
        return rows
    }

    /// Opens a snapshot to be read.
    private func open(_ snapshot: (position: Position, file: URL)) throws -> ScratchDatabase {
        do { return try ScratchDatabase(reading: snapshot.file, configuration) } catch {
            // Preparing it as the application does may need to write.
            return try copy(snapshot)
        }
    }

    private func copy(_ snapshot: (position: Position, file: URL)) throws -> ScratchDatabase {
        do { return try ScratchDatabase(copying: snapshot.file, configuration) } catch let error as DatabaseError {
            guard [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode) else { throw error }
            throw SQLHistoryError.unusableSnapshot(at: snapshot.position, reason: "it is damaged: \(error)")
        }
    }

    /// The rows as of a position, in a database that may be changed.
    private func scratch(
        through end: Position, reporting report: (Position) -> Void = { _ in }
    ) async throws -> ScratchDatabase {
        let snapshot = try snapshots?.nearest(through: end)
        let scratch = try snapshot.map(copy) ?? ScratchDatabase(configuration)
        let start: Position
        if let snapshot {
            try await check(scratch, at: snapshot.position)
            start = snapshot.position
        } else {
            start = .start
            // Creates the tables.
            _ = try await runner(scratch)
        }
        try await advance(scratch, after: start, through: end, reporting: report)
        return scratch
    }

    private func advance(
        _ scratch: ScratchDatabase, after start: Position, through end: Position,
        reporting report: (Position) -> Void = { _ in }
    ) async throws {
        guard start < end else { return }
        defer { withExtendedLifetime(scratch) {} }
        let runner = try await runner(scratch)
        try await runner.catchUp(through: end) { reached, _ in report(reached) }
    }

    /// Refuses a snapshot that was made of another log.
    private func check(_ scratch: ScratchDatabase, at position: Position) async throws {
        let name = projection.name
        do {
            guard let checkpoint = try await scratch.read({ try SQLCheckpoint.fetch(name, in: $0) }) else {
                throw SQLHistoryError.unusableSnapshot(at: position, reason: "it has no checkpoint")
            }
            try await checkpoint.check(name, agreesWith: log)
        } catch let error as SQLReadModelError {
            switch error {
            case .beyondLog, .otherLog:
                throw SQLHistoryError.unusableSnapshot(at: position, reason: "it was made of another log")
            default: throw error
            }
        }
    }

    private func runner(_ scratch: ScratchDatabase) async throws -> SQLProjectionRunner<P> {
        try await SQLProjectionRunner(
            projection, of: log, in: scratch.queue, reader: reader, batchSize: Limits.eventsPerPage, isScratch: true)
    }
}
