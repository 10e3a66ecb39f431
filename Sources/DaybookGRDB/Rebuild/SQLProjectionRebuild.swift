import Daybook
import DaybookCore
import GRDB

/// Builds a new version of a read model beside the one that answers, in the same database; compares their rows, and
/// switches when they agree as far as they should.
///
/// ```swift
/// let rebuild = try await SQLProjectionRebuild(
///     of: [view], from: Balances(), to: BalancesV2(), log: store, in: database)
/// try await rebuild.build { print($0.fraction, $0.timeLeft ?? .zero) }
/// let comparison = try await rebuild.compare()
/// for row in comparison.views["current_balances"]?.differences ?? [] { print(row.key, row.causes.map(\.position)) }
/// try await rebuild.switchOver(comparison, allowing: 0)
/// ```
///
/// Queries read the views. The old version answers until the switch, which is one transaction, and is kept after it:
/// ``switchBack()`` undoes the switch. Delete its tables when it is no longer wanted.
///
/// A build that was interrupted goes on from its last batch.
public struct SQLProjectionRebuild<Old: SQLProjection, New: SQLProjection>: Sendable {
    public let views: [SQLVersionedView]
    public let old: Old
    public let new: New
    /// Builds the new version; its parked keys are resumed through it.
    public let runner: SQLProjectionRunner<New>
    private let log: any EventStore
    private let oldReader: any EventReader<Old.Event>
    private let newReader: any EventReader<New.Event>
    private let database: any DatabaseWriter
    private let clock: any Clock<Duration>

    /// Creates the tables of the new version, when there are none yet.
    ///
    /// - Parameters:
    ///   - views: What queries read, at least one.
    ///   - old: The version that answers, as it is run.
    ///   - new: The version that is to answer.
    ///   - database: Where the tables of both are.
    ///   - oldReader: How the old version reads events, if not as its enum says.
    ///   - newReader: How the new version does.
    ///   - batchSize: The most events of one transaction of the build.
    ///   - failurePolicy: What happens to an event that the new version cannot read or apply. Parked keys are to be
    ///     resumed before it is compared.
    ///   - clock: Measures the speed of the build, and waits for another runner of the new version.
    /// - Throws: ``SQLRebuildError/sameName(_:)``, ``SQLRebuildError/noViews``, and ``SQLRebuildError/readModel(_:)`` when the
    ///   database cannot be used.
    public init(
        of views: [SQLVersionedView], from old: Old, to new: New, log: any EventStore, in database: any DatabaseWriter,
        oldReader: any EventReader<Old.Event> = Old.Event.makeReader(),
        newReader: any EventReader<New.Event> = New.Event.makeReader(),
        batchSize: Int = 5_000, failurePolicy: ProjectionFailurePolicy = .stop,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws(SQLRebuildError) {
        guard old.name != new.name else { throw .sameName(old.name) }
        guard !views.isEmpty else { throw .noViews }
        self.views = views
        self.old = old
        self.new = new
        self.log = log
        self.oldReader = oldReader
        self.newReader = newReader
        self.database = database
        self.clock = clock
        do {
            runner = try await SQLProjectionRunner(
                new, of: log, in: database, reader: newReader, batchSize: batchSize, failurePolicy: failurePolicy)
        } catch {
            throw SQLRebuildError(error)
        }
    }

    /// Brings the new version up to the end of the log, from where it stands.
    ///
    /// - Parameter progress: Called after each batch.
    /// - Returns: The position reached.
    @discardableResult
    public func build(
        progress: @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws(SQLRebuildError) -> Position {
        var meter = RebuildMeter(clock: clock)
        do { return try await runner.catchUp { progress(meter.progress(at: $0, of: $1)) } } catch {
            throw SQLRebuildError(error)
        }
    }

    /// Compares all rows of both versions as they are at one position.
    ///
    /// Both may run meanwhile: they are compared in a copy of the database, in which the one that is behind is brought up to
    /// the other. Where the old version cannot get on, since it cannot take an event, the new one is compared as it was
    /// before that event.
    ///
    /// - Parameter limit: How many differences to keep of each view, each with the event at which the versions parted, and
    ///   the last nine since that changed the row in either. All are counted. There are no causes where the projections
    ///   agree as they are today: the rows were made by others.
    /// - Throws: ``SQLRebuildError/noReadModel(_:)``, ``SQLRebuildError/parkedKeys(_:)``, and
    ///   ``SQLRebuildError/comparison(_:)`` for rows that cannot be compared.
    /// - Complexity: O(size of the database) in time and on the disk for the copy, and O(rows); with differences, also
    ///   O(events) for their causes.
    public func compare(keepingFirst limit: Int = 20) async throws(SQLRebuildError) -> SQLReadModelComparison {
        do {
            let copy = try await ScratchDatabase(of: database)
            let position = try await level(copy)
            var comparison = SQLReadModelComparison(
                old: old.name, new: new.name, position: position, of: views)
            for view in views {
                comparison.views[view.name] = try await copy.read { db in
                    try SQLHistoryError.query {
                        try SQLRowComparison(view.oldRows, in: db, view.newRows, in: db, keepingFirst: limit)
                    }
                }
            }
            do { try await addCauses(to: &comparison) } catch {
                guard !Task.isCancelled else { throw error }
                comparison.causesFailure = SQLRebuildError(error).description
            }
            return comparison
        } catch {
            throw SQLRebuildError(error)
        }
    }

    /// Lets the views show the new version from now on, once it has taken everything into account that the old one has at
    /// the time of the call.
    ///
    /// Whoever ran the old version is to run the new one from then on; the old one goes on as long as somebody may want it
    /// back.
    ///
    /// - Parameters:
    ///   - comparison: What ``compare(keepingFirst:)`` found between these versions.
    ///   - allowed: How many rows may differ.
    /// - Throws: ``SQLRebuildError/tooManyDifferences(count:allowed:first:)``;
    ///   ``SQLRebuildError/otherComparison(old:new:)``; ``SQLRebuildError/parkedKeys(_:)``; and
    ///   ``SQLRebuildError/behind(new:old:)`` when another runner of the new version does not get as far as the old one is,
    ///   or as the versions were when they were compared.
    public func switchOver(_ comparison: SQLReadModelComparison, allowing allowed: Int = 0)
        async throws(SQLRebuildError)
    {
        guard comparison.old == old.name, comparison.new == new.name, comparison.definitions == views else {
            throw .otherComparison(old: comparison.old, new: comparison.new)
        }
        guard comparison.differenceCount <= allowed else {
            let first = views.flatMap { comparison.views[$0.name]?.differences ?? [] }.prefix(5).map(\.key)
            throw .tooManyDifferences(count: comparison.differenceCount, allowed: allowed, first: Array(first))
        }
        let least: Position
        do {
            let old = try await database.read { try checkpoints(in: $0).old.position }
            least = max(old, comparison.position)
        } catch {
            throw SQLRebuildError(error)
        }
        try await reach(least)
        try await show {
            $0.new
        } after: { db in
            let new = try checkpoints(in: db).new
            guard new.parked.isEmpty else { throw SQLRebuildError.parkedKeys(new.parked.list.map(\.key)) }
            guard new.position >= least else { throw SQLRebuildError.behind(new: new.position, old: least) }
        }
    }

    /// Brings the new version to the end of the log by a runner for this alone; returns whether nobody else moved it meanwhile.
    private func buildAlone() async throws(SQLRebuildError) -> Bool {
        do {
            try await SQLProjectionRunner(
                new, of: log, in: database, reader: newReader, batchSize: runner.batchSize,
                failurePolicy: runner.failurePolicy
            ).catchUp()
            return true
        } catch ProjectionError.store(.checkpointMoved) {
            return false
        } catch {
            throw SQLRebuildError(error)
        }
    }

    private func newPosition() async throws(SQLRebuildError) -> Position {
        do { return try await database.read { try checkpoints(in: $0).new.position } } catch {
            throw SQLRebuildError(error)
        }
    }

    /// Brings the new version as far as a position, by whoever runs it, and else by a runner for this alone.
    private func reach(_ position: Position) async throws(SQLRebuildError) {
        var takeover = RebuildTakeover(clock: clock)
        try await takeover.reach(position, cancelled: .projection(.cancelled), from: newPosition, build: buildAlone)
    }

    /// Lets the views show the old version again; or first, where they are not there yet.
    ///
    /// - Throws: ``SQLRebuildError/viewNotChanged(reason:)``, such as when the old version was deleted.
    public func switchBack() async throws(SQLRebuildError) {
        try await show { $0.old }
    }

    /// Creates the views anew, in one transaction.
    private func show(
        _ sql: @escaping @Sendable (SQLVersionedView) -> String,
        after check: @escaping @Sendable (Database) throws -> Void = { _ in }
    ) async throws(SQLRebuildError) {
        do {
            try await database.write { [views] db in
                try check(db)
                do {
                    for view in views {
                        let name = SQLQuery.quoted(view.name)
                        try db.execute(sql: "DROP VIEW IF EXISTS \(name)")
                        try db.execute(sql: "CREATE VIEW \(name) AS \(sql(view))")
                        // The tables are looked for when a view is read, and not before.
                        _ = try db.makeStatement(sql: "SELECT * FROM \(name)")
                    }
                } catch let error as DatabaseError {
                    throw SQLRebuildError.viewNotChanged(reason: "\(error)")
                }
            }
        } catch {
            throw SQLRebuildError(error)
        }
    }

    private func checkpoints(in db: Database) throws -> (old: SQLCheckpoint, new: SQLCheckpoint) {
        guard let old = try SQLCheckpoint.fetch(old.name, in: db) else { throw SQLRebuildError.noReadModel(old.name) }
        return (old, try SQLProjectionRunner<New>.checkpoint(of: new.name, in: db))
    }

    /// Brings both versions in a copy to one position, and returns it.
    private func level(_ copy: ScratchDatabase) async throws -> Position {
        defer { withExtendedLifetime(copy) {} }
        let (left, right) = try await copy.read { try checkpoints(in: $0) }
        guard right.parked.isEmpty else { throw SQLRebuildError.parkedKeys(right.parked.list.map(\.key)) }
        let position = max(left.position, right.position)
        let policy = left.parked.isEmpty ? ProjectionFailurePolicy.stop : .parkKeys(limit: 1_000)
        let olds = try await SQLProjectionRunner(
            old, of: log, in: copy.queue, reader: oldReader, batchSize: Limits.eventsPerPage,
            failurePolicy: policy, isScratch: true)
        var end = position
        do throws(ProjectionError) { try await olds.catchUp(through: position) } catch {
            switch error {
            case .undecodable, .failed, .tooManyParkedKeys: end = try await olds.position()
            default: throw error
            }
        }
        if right.position > end { try await new.deleteReadModel(from: copy.queue) }
        try await SQLProjectionRunner(
            new, of: log, in: copy.queue, reader: newReader, batchSize: Limits.eventsPerPage,
            isScratch: true
        ).catchUp(through: end)
        return end
    }

    /// Looks for the events at which the versions of each row that differs parted.
    private func addCauses(to comparison: inout SQLReadModelComparison) async throws {
        let rows = views.flatMap { view in (comparison.views[view.name]?.keys ?? []).map { (view, $0) } }
        guard !rows.isEmpty else { return }
        let scratch = try ScratchDatabase(database.configuration)
        try await scratch.write { [old, new] db in
            try old.createTables(in: db)
            try new.createTables(in: db)
        }
        var causes = [[RecordedEvent]](repeating: [], count: rows.count)
        try await walk.changes(scratch, after: .start, through: comparison.position, count: rows.count) { index, db in
            let (view, key) = rows[index]
            let (old, new) = (try view.oldRows.row(key, in: db), try view.newRows.row(key, in: db))
            return [old, old.flatMap { new?.ordered(by: $0.columns) } ?? new]
        } note: { index, event, versions in
            if versions[0] == versions[1] {
                causes[index] = []
            } else {
                causes[index].append(event)
                // The first one stays: there the versions parted.
                if causes[index].count > 10 { causes[index].remove(at: 1) }
            }
        }
        var next = causes.makeIterator()
        for view in views {
            for index in 0..<(comparison.views[view.name]?.differences.count ?? 0) {
                comparison.views[view.name]?.differences[index].causes = next.next() ?? []
            }
        }
    }

    /// Applies every event to both versions. One that the old version cannot take leaves its rows as they were.
    private var walk: SQLWalk {
        let filter = old.filter == new.filter ? old.filter : .everything
        return SQLWalk(log: log, filter: filter) { [old, new, oldReader, newReader] recorded, db in
            if old.filter.matches(recorded) {
                let event = DecodedEvent<Old>(recorded, by: oldReader)
                do {
                    try db.inSavepoint {
                        try event.apply(to: old, in: db)
                        return .commit
                    }
                } catch let error as ProjectionError {
                    // Where all is undone, and not this event alone, nothing can be told any more.
                    guard db.isInsideTransaction else { throw error }
                }
            }
            if new.filter.matches(recorded) {
                try DecodedEvent<New>(recorded, by: newReader).apply(to: new, in: db)
            }
        }
    }
}
