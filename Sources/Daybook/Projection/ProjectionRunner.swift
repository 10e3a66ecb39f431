import DaybookCore

/// Runs a projection: follows the log from the read model's checkpoint, and keeps the documents up to date.
///
/// ```swift
/// let runner = ProjectionRunner(Balances(), of: store, in: store)
/// try await withThrowingTaskGroup(of: Void.self) { group in
///     group.addTask { try await runner.run() }
///     let receipt = try await accounts.handle(.deposit(amount: 10), id: "42")
///     try await runner.readModel.wait(for: receipt.position)
///     let balance = try await runner.readModel.document("account-42")
///     …
/// }
/// ```
///
/// Documents and checkpoint are saved in one transaction, so that each event counts exactly once, whenever the process
/// stops. An event that cannot be read or applied stops the projection: those before it are saved, it and those after
/// it are not, and ``run()`` throws. With ``ProjectionFailurePolicy/parkKeys(limit:)`` it stops its keys alone. Nothing
/// is skipped.
///
/// Only one runner works on a read model at a time; a second one ends with
/// ``DerivedStateError/checkpointMoved(model:expected:actual:)``.
public final class ProjectionRunner<P: Projection>: Sendable {
    public let projection: P
    /// The documents, with a signal when this runner has brought them up to date.
    public let readModel: ReadModel<P>
    package let log: any EventStore
    let models: any ReadModelStore
    let reader: any EventReader<P.Event>
    let batchSize: Int
    package let saveInterval: Duration
    let failurePolicy: ProjectionFailurePolicy
    let parallelism: Int
    package let clock: any Clock<Duration>
    package let progress = ProjectionProgress()

    /// - Parameters:
    ///   - log: Where the events are.
    ///   - models: Where documents and checkpoint are kept.
    ///   - batchSize: The most events that one transaction takes, 1 to 100 000; fewer when there are no more, or when
    ///     they change more documents than ``Limits/documentsPerBatch``. Many of them make catching up fast where they
    ///     change the same documents, and appends wait the longer for each transaction.
    ///   - saveInterval: How long the checkpoint may stay behind when only events pass by that the projection does not
    ///     fold. Readers in this process do not notice; it saves a write for each such event. At most a
    ///     day.
    ///   - failurePolicy: What happens to an event that cannot be read or applied.
    ///   - parallelism: How many tasks decode the events of a batch and fold its keys, 1 to 64. The events of one key are
    ///     folded in order by one of them.
    public init(
        _ projection: P, of log: any EventStore, in models: any ReadModelStore,
        reader: any EventReader<P.Event> = P.Event.makeReader(), batchSize: Int = 500,
        saveInterval: Duration = .seconds(1), failurePolicy: ProjectionFailurePolicy = .stop, parallelism: Int = 1,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.projection = projection
        self.log = log
        self.models = models
        self.reader = reader
        self.batchSize = min(max(1, batchSize), 100_000)
        self.saveInterval = min(saveInterval, .seconds(86_400))
        self.failurePolicy = failurePolicy
        self.parallelism = min(max(1, parallelism), 64)
        self.clock = clock
        readModel = ReadModel(
            projection, of: log, in: models, pollInterval: saveInterval, clock: clock, progress: progress)
    }

    /// Follows the log until the task is cancelled, then returns.
    ///
    /// - Throws: ``ProjectionError``, when the projection cannot go on. Run it again once the cause is mended.
    public func run() async throws(ProjectionError) {
        try await follow()
    }

    /// Takes everything into account that is recorded now, and returns the position reached.
    ///
    /// - Parameter report: Called at the start and after each batch with the position reached and the log's head.
    @discardableResult
    public func catchUp(
        reporting report: (Position, Position) -> Void = { _, _ in }
    ) async throws(ProjectionError) -> Position {
        try await takeAll(report)
    }
}

extension ProjectionRunner: LogFollower {
    /// How far the projection has come.
    package struct Place: LogPlace {
        package var saved: Position
        package var reached: Position
        /// Everything up to here was read; what of it is to be folded is pending.
        var scanned: Position
        var pending = ProjectionPage<P>()
        /// Its data and metadata.
        var pendingBytes = 0
        /// The page behind it, read while another was folded.
        var next: Result<DecodedPage, ProjectionError>?

        init(at checkpoint: Position) {
            saved = checkpoint
            reached = checkpoint
            scanned = checkpoint
        }
    }

    package func startingPlace() async throws(ProjectionError) -> Place {
        let checkpoint: Position
        do { checkpoint = try await models.checkpoint(of: projection.name) } catch { throw ProjectionError(error) }
        progress.start(at: checkpoint)
        return Place(at: checkpoint)
    }

    package func step(_ place: inout Place) async throws(ProjectionError) -> Bool {
        guard !Task.isCancelled else { throw .cancelled }
        let room = batchSize - place.pending.outline.recorded.count
        let read: Result<DecodedPage, ProjectionError>
        if let next = place.next { read = next } else { read = await self.read(room, after: place.scanned) }
        place.next = nil
        // What lies before a page that cannot be read counts all the same.
        if case .failure(let error) = read, error != .cancelled { try await fold(&place) }
        let ahead = try read.get()
        place.pending.append(ahead.page)
        place.pendingBytes += ahead.bytes
        place.scanned = max(place.scanned, ahead.scannedThrough)
        let isFull = place.pending.outline.recorded.count >= batchSize || place.pendingBytes >= Self.pendingBytes
        if ahead.isAtEnd {
            try await fold(&place)
        } else {
            // The next events are read and decoded while these are folded and saved.
            let (limit, scanned) = (isFull ? batchSize : room - ahead.page.outline.recorded.count, place.scanned)
            async let next = self.read(limit, after: scanned)
            if isFull || place.pending.outline.recorded.isEmpty { try await fold(&place) }
            place.next = await next
        }
        return ahead.isAtEnd
    }

    /// A page that was read ahead.
    struct DecodedPage {
        var page: ProjectionPage<P>
        var bytes: Int
        var scannedThrough: Position
        var isAtEnd: Bool
    }

    /// The data after which events are folded although a batch takes more of them.
    private static var pendingBytes: Int { 32 << 20 }

    private func read(_ limit: Int, after position: Position) async -> Result<DecodedPage, ProjectionError> {
        let page: LogPage
        do {
            page = try await log.readPage(
                from: .after(position), direction: .forward, filter: projection.filter,
                limit: min(max(limit, 1), Limits.eventsPerPage))
        } catch {
            return .failure(ProjectionError(error))
        }
        return .success(
            DecodedPage(
                page: await decode(page.events),
                bytes: page.events.reduce(0) { $0 + $1.data.count + $1.metadata.count },
                scannedThrough: page.scannedThrough, isAtEnd: page.isAtEnd))
    }

    package func save(_ place: inout Place) async throws(ProjectionError) {
        guard place.reached > place.saved else { return }
        try await commit([:], through: place.reached, &place)
    }

    func commit(
        _ changes: [String: [UInt8]?], through position: Position, expecting expected: [String: [UInt8]?] = [:],
        _ place: inout Place
    ) async throws(ProjectionError) {
        let batch = DocumentBatch(
            model: projection.name, changes: changes, previous: place.saved, checkpoint: position, expected: expected)
        do { try await models.commit(batch) } catch { throw ProjectionError(error) }
        place.saved = position
        place.reached = position
        progress.reach(position)
    }
}
