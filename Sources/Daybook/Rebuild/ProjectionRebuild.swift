import DaybookCore

/// Builds a new version of a read model beside the one that answers, compares them, and switches when they agree as far
/// as they should.
///
/// ```swift
/// let rebuild = try ProjectionRebuild(
///     of: "balances", from: BalancesV1(), to: BalancesV2(), log: store, models: store)
/// try await rebuild.build { print($0.fraction, $0.timeLeft ?? .zero) }
/// let comparison = try await rebuild.compare()
/// for difference in comparison.differences { print(difference.key, difference.causes.map(\.position)) }
/// try await rebuild.switchOver(comparison, allowing: 0)
/// ```
///
/// The old version answers until the switch, which is one transaction, and is kept after it: ``switchBack()`` undoes
/// the switch. Delete its documents when it is no longer wanted.
///
/// A build that was interrupted goes on from its last batch. Queries ask the ``ReadModelAlias`` which version to read.
public struct ProjectionRebuild<Old: Projection, New: Projection>: Sendable {
    public let alias: ReadModelAlias
    public let old: Old
    public let new: New
    private let log: any EventStore
    private let models: any ReadModelStore
    /// Builds the new version; its parked keys are resumed through it.
    public let runner: ProjectionRunner<New>
    private let clock: any Clock<Duration>

    /// - Parameters:
    ///   - name: What queries call the read model, whichever version answers.
    ///   - batchSize: The most events of one transaction of the build.
    ///   - failurePolicy: What happens to an event that the new version cannot read or apply. Parked keys are to be
    ///     resumed before the switch.
    ///   - parallelism: How many tasks decode and fold.
    ///   - clock: Measures the speed of the build, and waits for another runner of the new version.
    /// - Throws: ``RebuildError/sameName(_:)``.
    public init(
        of name: ReadModelName, from old: Old, to new: New, log: any EventStore, models: any ReadModelStore,
        batchSize: Int = 5_000, failurePolicy: ProjectionFailurePolicy = .stop, parallelism: Int = 1,
        clock: any Clock<Duration> = ContinuousClock()
    ) throws(RebuildError) {
        guard old.name != new.name else { throw .sameName(old.name) }
        alias = ReadModelAlias(name, in: models)
        self.old = old
        self.new = new
        self.log = log
        self.models = models
        self.clock = clock
        runner = ProjectionRunner(
            new, of: log, in: models, batchSize: batchSize, failurePolicy: failurePolicy, parallelism: parallelism)
    }

    /// Brings the new version up to the end of the log, from where it stands.
    ///
    /// - Parameter progress: Called after each batch.
    /// - Returns: The position reached.
    @discardableResult
    public func build(
        progress: @Sendable (RebuildProgress) -> Void = { _ in }
    ) async throws(RebuildError) -> Position {
        var meter = RebuildMeter(clock: clock)
        do { return try await runner.catchUp { progress(meter.progress(at: $0, of: $1)) } } catch {
            throw .projection(error)
        }
    }

    /// Brings the new version to the end of the log by a runner for this alone; returns whether nobody else moved it meanwhile.
    private func buildAlone() async throws(RebuildError) -> Bool {
        let own = ProjectionRunner(
            new, of: log, in: models, batchSize: runner.batchSize, failurePolicy: runner.failurePolicy,
            parallelism: runner.parallelism)
        do {
            _ = try await own.catchUp()
            return true
        } catch .store(.checkpointMoved) {
            return false
        } catch {
            throw .projection(error)
        }
    }

    private func newPosition() async throws(RebuildError) -> Position { try await positions().new }

    /// Brings the new version as far as a position, by whoever runs it, and else by a runner for this alone.
    private func reach(_ position: Position, by takeover: inout RebuildTakeover) async throws(RebuildError) {
        try await takeover.reach(position, cancelled: .projection(.cancelled), from: newPosition, build: buildAlone)
    }

    /// How often something is looked at again that others change meanwhile.
    private static var attempts: Int { 20 }

    /// Compares all documents of both versions.
    ///
    /// Both may run meanwhile: a document that differs is looked at again when both versions stand at one position, and
    /// counts as unsettled if they never do.
    ///
    /// - Parameters:
    ///   - converting: Brings a document of the old version into the shape of the new one.
    ///   - keepingFirst: How many differences to keep, each with the event at which the versions parted and the last
    ///     ones since. All are counted.
    /// - Complexity: O(documents) in time, one page of each version in memory; for each difference kept, the events of
    ///   its key (``Projection/filter(for:)``).
    public func compare(
        converting: (JSONValue) throws -> JSONValue = { $0 }, keepingFirst: Int = 100
    ) async throws(RebuildError) -> ReadModelComparison {
        var comparison = ReadModelComparison(old: old.name, new: new.name, through: try await positions().new)
        var pages = (DocumentPages(old.name, models), DocumentPages(new.name, models))
        var takeover = RebuildTakeover(clock: clock)
        while true {
            let left = try await pages.0.peek()
            let right = try await pages.1.peek()
            guard let key = [left?.key, right?.key].compactMap({ $0 }).min(by: Self.isBefore) else { break }
            comparison.documentCount += 1
            // Two keys that Swift calls equal, in other bytes, are two documents.
            let old = left?.key.hasSameBytes(as: key) == true ? left?.data : nil
            let new = right?.key.hasSameBytes(as: key) == true ? right?.data : nil
            if old != nil { pages.0.advance() }
            if new != nil { pages.1.advance() }
            if old == new { continue }
            let values = try (
                value(old, key, self.old.name, converting), value(new, key, self.new.name) { $0 }
            )
            if values.0 == values.1 { continue }
            try await note(key, converting, keepingFirst, &comparison, &takeover)
        }
        return comparison
    }

    /// Lets queries read the new version from now on, once it has taken everything into account that the old one has.
    ///
    /// Whoever ran the old version is to run the new one from then on; the old one goes on as long as somebody may want
    /// it back.
    ///
    /// - Parameters:
    ///   - comparison: What ``compare(converting:keepingFirst:)`` found between these versions.
    ///   - allowed: How many documents may differ.
    /// - Throws: ``RebuildError/tooManyDifferences(count:allowed:first:)``; ``RebuildError/otherComparison(old:new:)``;
    ///   and ``RebuildError/behind(new:old:)`` when another runner of the new version does not get as far as the old one
    ///   is, or as the new one was when it was compared.
    public func switchOver(_ comparison: ReadModelComparison, allowing allowed: Int = 0) async throws(RebuildError) {
        guard comparison.old == old.name, comparison.new == new.name else {
            throw .otherComparison(old: comparison.old, new: comparison.new)
        }
        guard comparison.differenceCount <= allowed else {
            throw .tooManyDifferences(
                count: comparison.differenceCount, allowed: allowed,
                first: comparison.differences.prefix(5).map(\.key))
        }
        var position = try await positions()
        let least = max(position.old, comparison.position)
        if position.new < least {
            var takeover = RebuildTakeover(clock: clock)
            try await reach(least, by: &takeover)
        }
        position = try await positions()
        while true {
            let parked: [ParkedKey]
            do { parked = try await runner.parkedKeys() } catch { throw .projection(error) }
            guard parked.isEmpty else { throw .parkedKeys(parked.map(\.key)) }
            // A key that was parked meanwhile came with another checkpoint.
            let again = try await positions()
            defer { position = again }
            if again.new == position.new { break }
        }
        guard position.new >= least else { throw .behind(new: position.new, old: least) }
        do {
            let target = try await alias.target()
            guard target != new.name else { return }
            try await alias.move(from: target, to: new.name)
        } catch {
            throw .readModel(error)
        }
    }

    /// Lets queries read the old version again.
    public func switchBack() async throws(RebuildError) {
        do { try await alias.move(from: new.name, to: old.name) } catch { throw .readModel(error) }
    }

    /// Counts a difference, if it is still there when both versions stand at one position.
    private func note(
        _ key: String, _ converting: (JSONValue) throws -> JSONValue, _ limit: Int,
        _ comparison: inout ReadModelComparison, _ takeover: inout RebuildTakeover
    ) async throws(RebuildError) {
        for attempt in 0..<Self.attempts {
            var before = try await positions()
            if attempt > 0, before.new < before.old {
                try await reach(before.old, by: &takeover)
                before = try await positions()
            }
            let stored: (old: [UInt8]?, new: [UInt8]?)
            do {
                stored = (try await models.document(key, of: old.name), try await models.document(key, of: new.name))
            } catch {
                throw .readModel(ReadModelError(error))
            }
            let after = try await positions()
            guard before == after, before.old == before.new else { continue }
            let left = try value(stored.old, key, old.name, converting)
            let right = try value(stored.new, key, new.name) { $0 }
            guard left != right else { return }
            var difference = DocumentDifference(key: key, old: left, new: right)
            switch difference.kind {
            case .added: comparison.addedCount += 1
            case .lost: comparison.lostCount += 1
            case .changed: comparison.changedCount += 1
            }
            guard comparison.differences.count < limit else { return }
            difference.causes = try await causes(of: key, through: before.new, converting)
            comparison.differences.append(difference)
            return
        }
        comparison.unsettledCount += 1
    }

    /// The events that explain a difference: the one at which the versions parted, and the last nine since that changed the
    /// document of either; or the one at which the new version stopped for this key.
    private func causes(
        of key: String, through position: Position, _ converting: (JSONValue) throws -> JSONValue
    ) async throws(RebuildError) -> [RecordedEvent] {
        let news: [DocumentChange<New.Document>]
        do {
            if let parked = try await runner.parkedKeys().first(where: { $0.key == key }) {
                return try await log.readPage(
                    from: .position(parked.position), direction: .forward, filter: .everything, limit: 1
                ).events
            }
            news = try await ProjectionHistory(new, of: log).lineage(of: key, asOf: .position(position))
        } catch let error as ReadError {
            throw .projection(ProjectionError(error))
        } catch {
            throw .projection(error as? ProjectionError ?? .read(.storageFailed(reason: "\(error)")))
        }
        do throws(RebuildError) {
            return try await partings(of: key, through: position, news, converting)
        } catch {
            guard !Task.isCancelled else { throw error }
            // The old version cannot be told of every event: it may have been given up over one.
            return news.suffix(10).map(\.event)
        }
    }

    /// The event at which the versions parted, and the last ones since.
    private func partings(
        of key: String, through position: Position, _ news: [DocumentChange<New.Document>],
        _ converting: (JSONValue) throws -> JSONValue
    ) async throws(RebuildError) -> [RecordedEvent] {
        let olds: [DocumentChange<Old.Document>]
        do {
            olds = try await ProjectionHistory(old, of: log).lineage(of: key, asOf: .position(position))
        } catch {
            throw .projection(error)
        }
        var (left, right): (JSONValue?, JSONValue?)
        var (rest, others) = (olds[...], news[...])
        var causes: [RecordedEvent] = []
        while let event = [rest.first?.event, others.first?.event].compactMap({ $0 }).min(by: {
            $0.position < $1.position
        }) {
            if let change = rest.first, change.event.position == event.position {
                left = try value(change.after, key, old.name, converting)
                rest.removeFirst()
            }
            if let change = others.first, change.event.position == event.position {
                right = try value(change.after, key, new.name) { $0 }
                others.removeFirst()
            }
            if left == right { causes = [] } else { causes.append(event) }
        }
        // Where today's projections agree, the documents were made by others.
        if causes.isEmpty { causes = (news.isEmpty ? olds.map(\.event) : news.map(\.event)) }
        return causes.count <= 10 ? causes : causes.prefix(1) + causes.suffix(9)
    }

    private func value<Document: Encodable>(
        _ document: Document?, _ key: String, _ model: ReadModelName, _ convert: (JSONValue) throws -> JSONValue
    ) throws(RebuildError) -> JSONValue? {
        let data: [UInt8]?
        do { data = try document.map { try JSONBytesEncoder().encode($0) } } catch {
            throw .unreadableDocument(key: key, model: model, reason: "\(error)")
        }
        return try value(data, key, model, convert)
    }

    private func positions() async throws(RebuildError) -> (old: Position, new: Position) {
        do {
            return (try await models.checkpoint(of: old.name), try await models.checkpoint(of: new.name))
        } catch {
            throw .readModel(ReadModelError(error))
        }
    }

    private func value(
        _ data: [UInt8]?, _ key: String, _ model: ReadModelName, _ convert: (JSONValue) throws -> JSONValue
    ) throws(RebuildError) -> JSONValue? {
        guard let data else { return nil }
        do { return try convert(JSONValue(parsing: data)) } catch {
            throw .unreadableDocument(key: key, model: model, reason: "\(error)")
        }
    }

    private static func isBefore(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}

/// The documents of a read model in the order of their keys, a page at a time.
private struct DocumentPages {
    private let model: ReadModelName
    private let models: any ReadModelStore
    private var page: ArraySlice<(key: String, data: [UInt8])> = []
    private var last: String?
    private var isAtEnd = false

    init(_ model: ReadModelName, _ models: any ReadModelStore) {
        self.model = model
        self.models = models
    }

    mutating func peek() async throws(RebuildError) -> (key: String, data: [UInt8])? {
        if page.isEmpty, !isAtEnd {
            do { page = try await models.projectedDocuments(of: model, after: last, limit: 1000)[...] } catch {
                throw .readModel(ReadModelError(error))
            }
            isAtEnd = page.count < 1000
            last = page.last?.key ?? last
        }
        return page.first
    }

    mutating func advance() { page.removeFirst() }
}
