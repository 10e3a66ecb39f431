import Daybook
import DaybookCore
import GRDB

/// Runs an SQL projection: follows the log from the read model's checkpoint, and keeps the rows up to date.
///
/// ```swift
/// let database = try DatabasePool(path: "balances.sqlite")
/// let runner = try await SQLProjectionRunner(Balances(), of: store, in: database)
/// try await withThrowingTaskGroup(of: Void.self) { group in
///     group.addTask { try await runner.run() }
///     let receipt = try await accounts.handle(.deposit(amount: 10), id: "42")
///     try await runner.wait(for: receipt.position)
///     let total = try await database.read { try Int.fetchOne($0, sql: "SELECT sum(amount) FROM balances") }
///     …
/// }
/// ```
///
/// The rows of a batch and the checkpoint are saved in one transaction of the read model's database, so that each event
/// counts exactly once, whenever the process stops. After a power cut the database may be some transactions behind,
/// rows and checkpoint alike: those events are applied again.
///
/// An event that cannot be read or applied stops the projection: those before it are saved, it and those after it are
/// not, and ``run()`` throws. With `ProjectionFailurePolicy.parkKeys(limit:)` it stops its keys alone, where the projection
/// says what keys it has (``SQLProjection/keys(for:recorded:)``). Nothing is skipped.
///
/// Only one runner works on a read model at a time; a second one ends with `DerivedStateError.checkpointMoved`, and
/// changes nothing.
public final class SQLProjectionRunner<P: SQLProjection>: Sendable {
    public let projection: P
    package let log: any EventStore
    let database: any DatabaseWriter
    let reader: any EventReader<P.Event>
    let batchSize: Int
    let failurePolicy: ProjectionFailurePolicy
    /// Whether nothing depends on the database, which may then lose its rows in a crash.
    let isScratch: Bool
    package let saveInterval: Duration
    package let clock: any Clock<Duration>
    package let progress = ProjectionProgress()

    /// Opens the read model; creates its tables when there is none yet of that name.
    ///
    /// - Parameters:
    ///   - log: Where the events are.
    ///   - database: Where the rows and the checkpoint are kept, in the table `daybook_checkpoints`: a `DatabasePool`, or
    ///     a `DatabaseQueue` that keeps to ``SQLReadModelError/unsafeSettings(journalMode:synchronous:)``. It may hold
    ///     other read models and other tables too, but belongs to no store.
    ///   - batchSize: The most events that one transaction takes, 1 to `Limits.eventsPerPage`; fewer when there are no
    ///     more.
    ///   - saveInterval: How long the checkpoint may stay behind when only events pass by that the projection does not
    ///     apply. Readers in this process do not notice; it saves a write for each such event. At most a
    ///     day.
    ///   - failurePolicy: What happens to an event that cannot be read or applied.
    /// - Throws: ``SQLReadModelError`` when the database could lose rows without their checkpoint, or was made of another
    ///   log.
    public convenience init(
        _ projection: P, of log: any EventStore, in database: any DatabaseWriter,
        reader: any EventReader<P.Event> = P.Event.makeReader(), batchSize: Int = 500,
        saveInterval: Duration = .seconds(1), failurePolicy: ProjectionFailurePolicy = .stop,
        clock: any Clock<Duration> = ContinuousClock()
    ) async throws(SQLReadModelError) {
        try await self.init(
            projection, of: log, in: database, reader: reader, batchSize: batchSize, saveInterval: saveInterval,
            failurePolicy: failurePolicy, clock: clock, isScratch: false)
    }

    init(
        _ projection: P, of log: any EventStore, in database: any DatabaseWriter, reader: any EventReader<P.Event>,
        batchSize: Int, saveInterval: Duration = .seconds(1), failurePolicy: ProjectionFailurePolicy = .stop,
        clock: any Clock<Duration> = ContinuousClock(), isScratch: Bool
    ) async throws(SQLReadModelError) {
        self.projection = projection
        self.log = log
        self.database = database
        self.reader = reader
        self.batchSize = min(max(1, batchSize), Limits.eventsPerPage)
        self.saveInterval = min(saveInterval, .seconds(86_400))
        self.failurePolicy = failurePolicy
        self.isScratch = isScratch
        self.clock = clock
        let checkpoint = try await openReadModel()
        try await checkpoint.check(projection.name, agreesWith: log)
        progress.reach(checkpoint.position)
    }

    /// Follows the log until the task is cancelled, then returns.
    ///
    /// - Throws: `ProjectionError`, when the projection cannot go on. Run it again once the cause is mended.
    public func run() async throws(ProjectionError) {
        try await follow()
    }

    /// Takes everything into account that is recorded now, and returns the position reached.
    ///
    /// - Parameters:
    ///   - end: Where to stop before the end of the log; nothing happens where the rows are further already.
    ///   - report: Called at the start and after each page with the position reached and the log's head.
    @discardableResult
    public func catchUp(
        through end: Position? = nil, reporting report: (Position, Position) -> Void = { _, _ in }
    ) async throws(ProjectionError) -> Position {
        try await takeAll(report) { $0.end = end }
    }

    /// Returns when the rows take everything up to a position into account, but for keys that are parked: with the position
    /// of a `CommandReceipt`, to read one's own write.
    ///
    /// - Throws: `ReadModelError.stopped` when the runner has stopped with an error, and `ReadModelError.cancelled`. It
    ///   waits for as long as it takes: bound it by cancelling the task.
    public func wait(for position: Position) async throws(ReadModelError) {
        try await progress.wait(for: position)
    }

    /// The position up to which the rows take the log into account.
    public func position() async throws(ReadModelError) -> Position {
        do {
            let name = projection.name
            let checkpoint = try await database.read { try SQLCheckpoint.fetch(name, in: $0) }
            guard let checkpoint else { return .start }  // The read model was deleted.
            return max(checkpoint.position, progress.reached)
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .store(.storageFailed(reason: String(describing: error)))
        }
    }

    /// How many positions of the log the rows do not take into account yet; 0 when they are up to date. What parked keys
    /// wait for does not count.
    public func lag() async throws(ReadModelError) -> Int64 {
        let head: Position
        do { head = try await log.head() } catch { throw ReadModelError(error) }
        return max(0, head.rawValue - (try await position()).rawValue)
    }
}
