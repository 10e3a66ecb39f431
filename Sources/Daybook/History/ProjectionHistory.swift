import DaybookCore

/// The documents of a projection at any moment, folded from the log when they are asked for.
///
/// ```swift
/// let history = ProjectionHistory(Balances(), of: store)
/// let yesterday = try await history.document("account-42", asOf: .time(midnight))
/// for change in try await history.lineage(of: "account-42", { $0?.amount }) {
///     print(change.event.position, change.before?.amount ?? 0, "→", change.after?.amount ?? 0)
/// }
/// ```
///
/// It answers for projections that run (``ProjectionRunner``) and for those that never do: a *live projection* is one
/// that is only asked this way.
///
/// **Cost.** A document costs reading the events of its key (``Projection/filter(for:)``): as many as the key has, when
/// the projection says how to find them, and else all that it folds. Where a key has thousands, let the history keep
/// snapshots of it: ``keepingSnapshots(in:every:)``.
public struct ProjectionHistory<P: Projection>: Sendable {
    public let projection: P
    private let log: any EventStore
    private let reader: any EventReader<P.Event>
    private var snapshots: DocumentSnapshots<P.Document>?

    public init(
        _ projection: P, of log: any EventStore, reader: any EventReader<P.Event> = P.Event.makeReader()
    ) {
        self.projection = projection
        self.log = log
        self.reader = reader
    }

    /// A history that keeps what a document was after every so many of its events, and starts from there when it is
    /// asked again, about any moment behind.
    ///
    /// Snapshots are kept by those who ask, beside the read models of the store: nothing is written when events are
    /// recorded, and the first question about a document costs all of its events. As the documents of a read model, they
    /// know events that retention or a deletion has since taken away.
    ///
    /// - Parameters:
    ///   - store: Where; usually the same store as the events.
    ///   - eventCount: The most events to be folded for a document that was asked for before, at least 1.
    public func keepingSnapshots(in store: any ReadModelStore, every eventCount: Int = 1_000) -> ProjectionHistory {
        var history = self
        history.snapshots = DocumentSnapshots(of: projection.name, in: store, every: eventCount)
        return history
    }

    /// Deletes all snapshots that are kept: when ``projection`` was changed without another name, or an event was taken
    /// away for good. Those of single documents are made again when they are asked for.
    public func deleteSnapshots() async throws(ProjectionError) {
        guard let snapshots else { return }
        try await snapshots.delete()
    }

    /// A document as it was at a moment; nil when there was none.
    ///
    /// - Complexity: O(events of the key) in time, one page in memory; with snapshots kept, O(events between two of them)
    ///   once it has been asked for.
    public func document(
        _ key: String, asOf moment: LogMoment = .latest
    ) async throws(ProjectionError) -> P.Document? {
        guard let snapshots else {
            var document: P.Document?
            try await fold(projection.filter(for: key), through: moment) { try apply($0, $1, key, to: &document) }
            return document
        }
        let end = try await position(of: moment)
        var current = try await snapshots.latest(of: key, through: end)
        var made: [DocumentSnapshots<P.Document>.Snapshot] = []
        var count = 0
        try await fold(
            projection.filter(for: key), after: .position(current.position), through: .position(end),
            pageSize: snapshots.eventCount
        ) { recorded, events in
            try apply(recorded, events, key, to: &current.document)
            current.position = recorded.position
            count += 1
            if count % snapshots.eventCount == 0 { made.append(current) }
        } afterPage: {
            guard made.count >= DocumentSnapshots<P.Document>.batchCount else { return }
            await snapshots.keep(made, of: key)
            made = []
        }
        await snapshots.keep(made, of: key)
        return current.document
    }

    private func apply(
        _ recorded: RecordedEvent, _ events: [P.Event], _ key: String, to document: inout P.Document?
    ) throws {
        for event in events {
            for other in try projection.keys(for: event, recorded: recorded) where other.hasSameBytes(as: key) {
                try projection.apply(event, recorded: recorded, key: key, to: &document)
            }
        }
    }

    private func position(of moment: LogMoment) async throws(ProjectionError) -> Position {
        do { return try await moment.position(in: log) } catch { throw ProjectionError(error) }
    }

    /// Keeps all documents as of a moment, every night say: questions about any moment behind, of one document or of all,
    /// start there. Nothing happens without ``keepingSnapshots(in:every:)``.
    ///
    /// Each call stores a copy of every document, which stays until ``deleteSnapshots()``.
    ///
    /// - Complexity: O(documents + events since the moment for which it was called before) in time, O(documents) in
    ///   memory and in the store.
    public func keepSnapshots(asOf moment: LogMoment = .latest) async throws(ProjectionError) {
        guard let snapshots else { return }
        let end = try await position(of: moment)
        try await snapshots.keep(documents(asOf: .position(end)), at: end)
    }

    /// All documents as they were at a moment.
    ///
    /// - Complexity: O(events) in time, those since ``keepSnapshots(asOf:)`` where it was called; O(documents) in memory.
    public func documents(asOf moment: LogMoment = .latest) async throws(ProjectionError) -> [String: P.Document] {
        var documents: [String: P.Document] = [:]
        var first: LogMoment?
        if let snapshots {
            let kept = try await snapshots.latest(through: position(of: moment))
            (first, documents) = (.position(kept.position), kept.documents)
        }
        try await fold(projection.filter, after: first, through: moment) { recorded, events in
            for event in events {
                for key in try projection.keys(for: event, recorded: recorded) {
                    try projection.apply(event, recorded: recorded, key: key, to: &documents[key])
                }
            }
        }
        return documents
    }

    /// The events that made a document what it is, oldest first, each with the document before and after it. Events
    /// that left it as it was are not among them.
    ///
    /// - Complexity: O(events of the key) in time; all changes in memory.
    public func lineage(
        of key: String, asOf moment: LogMoment = .latest
    ) async throws(ProjectionError) -> [DocumentChange<P.Document>] {
        let encoder = JSONBytesEncoder()
        return try await changes(of: key, asOf: moment) { try $0.map { try encoder.encode($0) } }
    }

    /// The events that set one value of a document, oldest first.
    ///
    /// - Parameter value: What is looked at; a document that is not there is nil.
    public func lineage<Value: Equatable>(
        of key: String, asOf moment: LogMoment = .latest, _ value: (P.Document?) -> Value
    ) async throws(ProjectionError) -> [DocumentChange<P.Document>] {
        try await changes(of: key, asOf: moment) { value($0) }
    }

    private func changes<Value: Equatable>(
        of key: String, asOf moment: LogMoment, by value: (P.Document?) throws -> Value
    ) async throws(ProjectionError) -> [DocumentChange<P.Document>] {
        var changes: [DocumentChange<P.Document>] = []
        var document: P.Document?
        try await fold(projection.filter(for: key), through: moment) { recorded, events in
            let before = document
            try apply(recorded, events, key, to: &document)
            guard try value(before) != value(document) else { return }
            changes.append(DocumentChange(event: recorded, before: before, after: document))
        }
        return changes
    }

    /// The documents that are others at a later moment than at an earlier one, in the order of their keys, with the
    /// events that explain it.
    ///
    /// - Parameter causes: The most events to give for each document; the last ones are given.
    /// - Complexity: O(events up to the later moment) in time, O(documents) in memory.
    public func differences(
        from earlier: LogMoment, to later: LogMoment = .latest, causes limit: Int = 10
    ) async throws(ProjectionError) -> [DocumentDifference<P.Document>] {
        var documents: [String: P.Document] = [:]
        var old: [String: P.Document?] = [:]
        var causes: [String: [RecordedEvent]] = [:]
        try await fold(projection.filter, through: later) { recorded, events in
            let isNew = !earlier.includes(recorded)
            for event in events {
                for key in try projection.keys(for: event, recorded: recorded) {
                    if isNew {
                        if old[key] == nil { old[key] = .some(documents[key]) }
                        if causes[key]?.last?.position != recorded.position {
                            causes[key, default: []].append(recorded)
                        }
                        if causes[key]?.count ?? 0 > limit { causes[key]?.removeFirst() }
                    }
                    try projection.apply(event, recorded: recorded, key: key, to: &documents[key])
                }
            }
        }
        let encoder = JSONBytesEncoder()
        var differences: [DocumentDifference<P.Document>] = []
        for key in old.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            let before = old[key] ?? nil
            let after = documents[key]
            do {
                guard try before.map({ try encoder.encode($0) }) != after.map({ try encoder.encode($0) }) else {
                    continue
                }
            } catch {
                throw .unwritableDocument(key: key, model: projection.name, reason: CodingReason.text(of: error))
            }
            differences.append(
                DocumentDifference(key: key, old: before, new: after, causes: causes[key] ?? []))
        }
        return differences
    }

    /// Hands out the events between two moments, in order, each with what it is today.
    private func fold(
        _ filter: EventFilter, after first: LogMoment? = nil, through moment: LogMoment,
        pageSize: Int = Limits.eventsPerPage, _ take: (RecordedEvent, [P.Event]) throws -> Void,
        afterPage: () async -> Void = {}
    ) async throws(ProjectionError) {
        var pages: LogPages
        do { pages = try await LogPages(of: log, filter, after: first, through: moment, pageSize: pageSize) } catch {
            throw ProjectionError(error)
        }
        while true {
            let page: ArraySlice<RecordedEvent>
            do {
                guard let next = try await pages.next() else { return }
                page = next
            } catch {
                throw ProjectionError(error)
            }
            for recorded in page {
                let events: [P.Event]
                do { events = try reader.decode(recorded) } catch { throw .undecodable(error) }
                do { try take(recorded, events) } catch {
                    throw .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
                }
            }
            await afterPage()
        }
    }
}
