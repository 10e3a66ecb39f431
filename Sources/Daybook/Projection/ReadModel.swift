import DaybookCore

/// The query side of a projection: its documents, and how far they have come.
///
/// Within the process that runs the projection, take it from the runner (``ProjectionRunner/readModel``): waiting is
/// then a signal. In another process, make one of the same projection and store: waiting then looks at the checkpoint
/// from time to time.
public struct ReadModel<P: Projection>: Sendable {
    public let name: ReadModelName
    private let models: any ReadModelStore
    private let log: any EventStore
    private let pollInterval: Duration
    private let clock: any Clock<Duration>
    private let progress: ProjectionProgress?
    private let decoder = JSONBytesDecoder()

    /// A read model that another process keeps up to date.
    ///
    /// - Parameter pollInterval: How often ``wait(for:)`` looks at the checkpoint; at least once a day.
    public init(
        _ projection: P, of log: any EventStore, in models: any ReadModelStore,
        pollInterval: Duration = .milliseconds(100), clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.init(projection, of: log, in: models, pollInterval: pollInterval, clock: clock, progress: nil)
    }

    init(
        _ projection: P, of log: any EventStore, in models: any ReadModelStore, pollInterval: Duration,
        clock: any Clock<Duration>, progress: ProjectionProgress?
    ) {
        name = projection.name
        self.models = models
        self.log = log
        // Clocks cannot count to times that are much further away.
        self.pollInterval = min(pollInterval, .seconds(86_400))
        self.clock = clock
        self.progress = progress
    }

    /// The document of a key; nil when there is none.
    ///
    /// That of a parked key is as it was before the event that failed.
    public func document(_ key: String) async throws(ReadModelError) -> P.Document? {
        guard key != ParkedKeys.document else { return nil }
        let data: [UInt8]?
        do { data = try await models.document(key, of: name) } catch { throw ReadModelError(error) }
        guard let data else { return nil }
        return try decode(data, key: key)
    }

    /// A page of documents in the order of their keys' UTF-8 bytes.
    ///
    /// - Parameters:
    ///   - after: Goes on behind this key; from the first when nil.
    ///   - limit: 1 to ``Limits/documentsPerBatch``.
    public func documents(
        after key: String? = nil, limit: Int = 100
    ) async throws(ReadModelError) -> [(key: String, document: P.Document)] {
        guard (1...Limits.documentsPerBatch).contains(limit) else { throw .invalidLimit(limit) }
        let page: [(key: String, data: [UInt8])]
        do { page = try await models.projectedDocuments(of: name, after: key, limit: limit) } catch {
            throw ReadModelError(error)
        }
        var documents: [(key: String, document: P.Document)] = []
        documents.reserveCapacity(page.count)
        for entry in page { documents.append((entry.key, try decode(entry.data, key: entry.key))) }
        return documents
    }

    /// The keys that have stopped before an event that failed, in the order of positions.
    public func parkedKeys() async throws(ReadModelError) -> [ParkedKey] {
        let data: [UInt8]?
        do { data = try await models.document(ParkedKeys.document, of: name) } catch { throw ReadModelError(error) }
        do { return try ParkedKeys(data, of: name).list } catch {
            throw .unreadableDocument(key: ParkedKeys.document, model: name, reason: error.description)
        }
    }

    /// The position up to which the documents take the log into account.
    public func position() async throws(ReadModelError) -> Position {
        do { return max(try await models.checkpoint(of: name), progress?.reached ?? .start) } catch {
            throw ReadModelError(error)
        }
    }

    /// How many positions of the log the documents do not take into account yet; 0 when they are up to date.
    public func lag() async throws(ReadModelError) -> Int64 {
        let head: Position
        do { head = try await log.head() } catch { throw ReadModelError(error) }
        return max(0, head.rawValue - (try await position()).rawValue)
    }

    /// Returns when the documents take everything up to a position into account: with the position of a
    /// ``CommandReceipt``, to read one's own write.
    ///
    /// - Throws: ``ReadModelError/stopped(_:)`` when the runner in this process has stopped with an error, and
    ///   ``ReadModelError/cancelled``. It waits for as long as it takes: bound it by cancelling the task.
    public func wait(for position: Position) async throws(ReadModelError) {
        if let progress {
            try await progress.wait(for: position)
            return
        }
        while try await self.position() < position {
            do { try await clock.sleep(for: pollInterval) } catch { throw .cancelled }
        }
    }

    private func decode(_ data: [UInt8], key: String) throws(ReadModelError) -> P.Document {
        do {
            return try decoder.decode(P.Document.self, from: data)
        } catch {
            throw .unreadableDocument(key: key, model: name, reason: CodingReason.text(of: error))
        }
    }
}

extension ReadModelStore {
    /// A page of documents without that of the parked keys.
    func projectedDocuments(
        of model: ReadModelName, after key: String?, limit: Int
    ) async throws(DerivedStateError) -> [(key: String, data: [UInt8])] {
        var page = try await documents(of: model, after: key, limit: limit)
        guard let index = page.firstIndex(where: { $0.key == ParkedKeys.document }) else { return page }
        let isFull = page.count == limit
        let last = page.last?.key
        page.remove(at: index)
        if isFull { page += try await documents(of: model, after: last, limit: 1) }
        return page
    }
}
