import Daybook
import DaybookCore
import Foundation
import GRDB

/// The rows of an SQL projection at any moment, made from the log when they are asked for.
///
/// ```swift
/// let history = SQLProjectionHistory(Balances(), of: store).keepingCopies(in: folder)
/// let total = try await history.read(asOf: .time(midnight)) { db in
///     try Int.fetchOne(db, sql: "SELECT sum(amount) FROM balances")
/// }
/// let changes = try await history.lineage { db in
///     try Int.fetchOne(db, sql: "SELECT amount FROM balances WHERE account = 'account-42'")
/// }
/// for change in changes { print(change.event.position, change.before ?? 0, "→", change.after ?? 0) }
/// ```
///
/// It answers for projections that run (``SQLProjectionRunner``) and for those that never do.
///
/// Each question is answered in a scratch database in the system's temporary folder (`TMPDIR`), which is deleted
/// afterwards. Keys that a runner has parked are not left out: an event that fails ends the question with an error.
///
/// **Cost.** Without copies, all events of the projection up to the moment are applied. With ``keepingCopies(in:)``, those
/// since the last copy before it, after a copy of the file; nothing is copied or applied for the moment of a copy itself.
public struct SQLProjectionHistory<P: SQLProjection>: Sendable {
    public let projection: P
    private let log: any EventStore
    private let reader: any EventReader<P.Event>
    private var copies: SQLCopies?

    public init(
        _ projection: P, of log: any EventStore, reader: any EventReader<P.Event> = P.Event.makeReader()
    ) {
        self.projection = projection
        self.log = log
        self.reader = reader
    }

    /// A history that keeps copies of the rows as of some moments, and starts from there for moments behind.
    ///
    /// - Parameter folder: Where; it is created when there is none. Other read models may use it too. A projection that
    ///   was changed under its name needs ``deleteCopies(through:)``.
    public func keepingCopies(in folder: URL) -> SQLProjectionHistory {
        var history = self
        history.copies = SQLCopies(of: projection.name, in: folder)
        return history
    }

    /// Reads the rows as they were at a moment.
    ///
    /// - Parameter value: Queries the rows; it cannot change them.
    public func read<Value: Sendable>(
        asOf moment: LogMoment = .latest, _ value: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLHistoryError) -> Value {
        do {
            let end = try await moment.position(in: log)
            let rows: ScratchDatabase
            if let copy = try copies?.nearest(through: end), copy.position == end {
                rows = try ScratchDatabase(reading: copy.file)
                try await check(rows)
            } else {
                rows = try await scratch(through: end)
            }
            return try await rows.read { db in
                do { return try value(db) } catch { throw SQLHistoryError.queryFailed(reason: "\(error)") }
            }
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The events that changed a value, oldest first, each with the value before and after it.
    ///
    /// - Parameters:
    ///   - earlier: Where to begin; at the log's start when nil.
    ///   - value: What is looked at, after each event that changed rows: a query that an index answers.
    /// - Complexity: O(events) in time, each with one call of `value`; all changes in memory.
    public func lineage<Value: Equatable & Sendable>(
        after earlier: LogMoment? = nil, asOf moment: LogMoment = .latest,
        of value: @escaping @Sendable (Database) throws -> Value
    ) async throws(SQLHistoryError) -> [SQLChange<Value>] {
        do {
            let end = try await moment.position(in: log)
            let start = try await earlier?.position(in: log) ?? .start
            let scratch = try await scratch(through: min(start, end))
            return try await walk.changes(scratch, after: start, through: end) { db in
                do { return try value(db) } catch { throw SQLHistoryError.queryFailed(reason: "\(error)") }
            }
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The rows that are others at a later moment than at an earlier one, with the events that explain it.
    ///
    /// - Parameters:
    ///   - rows: Which rows; the key is by which they are told apart.
    ///   - limit: How many differences to keep, each with its causes. All are counted.
    ///   - causes: The most events to give for each difference; the last ones that changed the row are given. What was
    ///     undone within 500 events is not.
    /// - Complexity: O(events + rows) in time.
    public func differences(
        of rows: SQLRows, from earlier: LogMoment, to later: LogMoment = .latest, keepingFirst limit: Int = 20,
        causes: Int = 10
    ) async throws(SQLHistoryError) -> SQLRowComparison {
        do {
            let end = try await later.position(in: log)
            let start = min(try await earlier.position(in: log), end)
            let old = try await scratch(through: start)
            let new = try await scratch(through: end)
            var comparison = try await Self.compare(rows, old, new, limit)
            let keys = comparison.keys
            var found = [[RecordedEvent]](repeating: [], count: keys.count)
            try await walk.changes(
                old, after: start, through: end, count: keys.count, of: { try rows.row(keys[$0], in: $1) }
            ) { index, event, _ in
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
        _ rows: SQLRows, _ old: ScratchDatabase, _ new: ScratchDatabase, _ limit: Int
    ) async throws -> SQLRowComparison {
        try await old.read { olds in
            try new.queue.read { news in
                do {
                    return try SQLRowComparison(
                        rows, rows.sorted(in: olds), rows, rows.sorted(in: news), keepingFirst: limit)
                } catch let error as DatabaseError {
                    throw SQLHistoryError.queryFailed(reason: "\(error)")
                }
            }
        }
    }

    /// Keeps a copy of the rows as of a moment, every night say.
    ///
    /// - Returns: The position at which it was kept.
    /// - Complexity: O(events since the copy before) in time, and the size of the database on the disk.
    @discardableResult
    public func keepCopy(asOf moment: LogMoment = .latest) async throws(SQLHistoryError) -> Position {
        guard let copies else { throw .noFolder }
        do {
            let end = try await moment.position(in: log)
            if try copies.nearest(through: end)?.position != end {
                try copies.keep(try await scratch(through: end), at: end)
            }
            return end
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// Keeps a copy after every so many positions of the log, from the last copy that is kept to the end, so that any moment
    /// is at most as many events from one. Interrupted, it goes on behind the last copy.
    ///
    /// - Parameter report: Called after each page of the log with the position reached and the last one.
    /// - Complexity: O(events since the last copy) in time; the size of the database on the disk for each copy.
    public func keepCopies(
        every positions: Int64, reporting report: (Position, Position) -> Void = { _, _ in }
    ) async throws(SQLHistoryError) {
        guard let copies else { throw .noFolder }
        do {
            let head = try await log.head()
            var start = try copies.list().last?.position ?? .start
            let scratch = try await scratch(through: start)
            while true {
                let next = Position((start.rawValue / max(positions, 1) + 1) * max(positions, 1))
                guard next <= head else { return }
                try await advance(scratch, after: start, through: next) { report($0, head) }
                try copies.keep(scratch, at: next)
                start = next
            }
        } catch {
            throw SQLHistoryError(error)
        }
    }

    /// The positions at which copies are kept, in order.
    public func copyPositions() throws(SQLHistoryError) -> [Position] {
        do { return try copies?.list().map(\.position) ?? [] } catch { throw SQLHistoryError(error) }
    }

    /// Deletes copies: those that nobody asks for any more; or all, when ``projection`` was changed without another name,
    /// or an event was taken away for good.
    ///
    /// - Parameter position: The last one to be deleted; all by default.
    public func deleteCopies(through position: Position = Position(.max)) throws(SQLHistoryError) {
        do { try copies?.delete(through: position) } catch { throw SQLHistoryError(error) }
    }

    private var walk: SQLWalk {
        SQLWalk(log: log, filter: projection.filter) { [projection, reader] recorded, db in
            let event = DecodedEvent<P>(recorded, by: reader)
            try event.apply(to: projection, in: db)
            try event.checkTransaction(of: db)
        }
    }

    /// The rows as of a position, in a database that may be changed.
    private func scratch(through end: Position) async throws -> ScratchDatabase {
        let copy = try copies?.nearest(through: end)
        let scratch = try ScratchDatabase(copying: copy?.file)
        let start: Position
        if let copy {
            try await check(scratch)
            start = copy.position
        } else {
            start = .start
            // Creates the tables.
            _ = try await runner(scratch)
        }
        try await advance(scratch, after: start, through: end)
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

    /// Refuses a copy that was made of another log.
    private func check(_ scratch: ScratchDatabase) async throws {
        let name = projection.name
        guard let checkpoint = try await scratch.read({ try SQLCheckpoint.fetch(name, in: $0) }) else {
            throw SQLReadModelError.storageFailed(
                reason: "a copy of read model '\(name)' has no checkpoint: delete the copies")
        }
        try await checkpoint.check(name, agreesWith: log)
    }

    private func runner(_ scratch: ScratchDatabase) async throws -> SQLProjectionRunner<P> {
        try await SQLProjectionRunner(
            projection, of: log, in: scratch.queue, reader: reader, batchSize: Limits.eventsPerPage, isScratch: true)
    }
}
