import DaybookCore

/// The documents of a projection at any moment, folded from the log when they are asked for: nothing is stored.
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
/// the projection says how to find them, and else all that it folds.
public struct ProjectionHistory<P: Projection>: Sendable {
    public let projection: P
    private let log: any EventStore
    private let reader: any EventReader<P.Event>

    public init(
        _ projection: P, of log: any EventStore, reader: any EventReader<P.Event> = P.Event.makeReader()
    ) {
        self.projection = projection
        self.log = log
        self.reader = reader
    }

    /// A document as it was at a moment; nil when there was none.
    ///
    /// - Complexity: O(events of the key) in time, one page in memory.
    public func document(
        _ key: String, asOf moment: LogMoment = .latest
    ) async throws(ProjectionError) -> P.Document? {
        var document: P.Document?
        try await fold(projection.filter(for: key), through: moment) { recorded, event in
            for other in try projection.keys(for: event, recorded: recorded) where other == key {
                try projection.apply(event, recorded: recorded, key: key, to: &document)
            }
        }
        return document
    }

    /// All documents as they were at a moment.
    ///
    /// - Complexity: O(events) in time, O(documents) in memory.
    public func documents(asOf moment: LogMoment = .latest) async throws(ProjectionError) -> [String: P.Document] {
        var documents: [String: P.Document] = [:]
        try await fold(projection.filter, through: moment) { recorded, event in
            for key in try projection.keys(for: event, recorded: recorded) {
                try projection.apply(event, recorded: recorded, key: key, to: &documents[key])
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
        try await fold(projection.filter(for: key), through: moment) { recorded, event in
            for other in try projection.keys(for: event, recorded: recorded) where other == key {
                let before = document
                try projection.apply(event, recorded: recorded, key: key, to: &document)
                guard try value(before) != value(document) else { continue }
                if let last = changes.indices.last, changes[last].event.position == recorded.position {
                    // An event that an upcaster split changes the document once.
                    changes[last].after = document
                } else {
                    changes.append(DocumentChange(event: recorded, before: before, after: document))
                }
            }
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
        try await fold(projection.filter, through: later) { recorded, event in
            let isNew = !earlier.includes(recorded)
            for key in try projection.keys(for: event, recorded: recorded) {
                if isNew {
                    if old[key] == nil { old[key] = .some(documents[key]) }
                    if causes[key]?.last?.position != recorded.position { causes[key, default: []].append(recorded) }
                    if causes[key]?.count ?? 0 > limit { causes[key]?.removeFirst() }
                }
                try projection.apply(event, recorded: recorded, key: key, to: &documents[key])
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

    /// Hands out the events up to a moment, in order.
    private func fold(
        _ filter: EventFilter, through moment: LogMoment, _ take: (RecordedEvent, P.Event) throws -> Void
    ) async throws(ProjectionError) {
        var pages: LogPages
        do { pages = try await LogPages(of: log, filter, through: moment) } catch { throw ProjectionError(error) }
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
                do { for event in events { try take(recorded, event) } } catch {
                    throw .failed(at: ProjectionError.Place(recorded), reason: String(describing: error))
                }
            }
        }
    }
}
