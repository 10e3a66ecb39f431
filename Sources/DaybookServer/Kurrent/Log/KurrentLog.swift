#if Server
import DaybookCore

/// A log as clients of KurrentDB know one: their names of streams, their expectations, their metadata. All protocols of theirs
/// go through it.
final class KurrentLog: Sendable {
    let store: any EventStore
    let recent: RecentEvents
    let underWay = AppendsUnderWay()
    /// The streams that are deleted and may be written again. All changes go through this object, or are told to it
    /// (``note(_:_:)``), so that it knows them.
    let deleted: DeletedStreams
    let indexTables: IndexTables
    /// Nil where there are no streams by correlation.
    let correlations: CorrelationIndex?
    /// Of what decides who may do what.
    let accessChanges = AccessChanges()
    /// What is counted of all that goes through it, and of the server around it.
    let metrics = ServerMetrics()

    private init(
        store: any EventStore, recent: RecentEvents, deleted: [StreamName: Position], correlations: CorrelationIndex?
    ) {
        self.store = store
        self.recent = recent
        self.deleted = DeletedStreams(deleted)
        indexTables = IndexTables(store: store)
        self.correlations = correlations
    }

    /// Looks up what has been deleted, and the last events.
    ///
    /// - Complexity: O(deletions ever made).
    static func open(
        _ store: any EventStore, remembering recentEvents: Int = 10_000, correlations: CorrelationIndex? = nil
    ) async throws -> KurrentLog {
        var deleted: [StreamName: Position] = [:]
        let deletions = EventFilter(types: [StreamControl.streamDeleted], includesControlEvents: true)
        for try await event in store.events(filter: deletions) {
            guard let stream = event.stream.controlled, deleted[stream] == nil else { continue }
            if try await store.state(of: stream).status == .deleted { deleted[stream] = event.position }
        }
        let recent = RecentEvents()
        var last: [RecordedEvent] = []
        for try await event in store.events(from: .end, direction: .backward) {
            last.append(event)
            if last.count == recentEvents { break }
        }
        for event in last.reversed() {
            recent.remember(CollectionOfOne(event.id), in: event.stream, endingAt: event.version, event.position)
        }
        return KurrentLog(store: store, recent: recent, deleted: deleted, correlations: correlations)
    }

    /// Has the store scavenged. Events may be gone also when that fails.
    func scavenge(by scavenge: @Sendable () async throws -> Void) async throws {
        defer { indexTables.forgetAll() }
        try await scavenge()
    }

    /// The stream of a client's name, if it is one that is recorded.
    ///
    /// - Throws: Access denied to `$all`, to the streams that are read from the index, and to our own.
    func stream(_ name: String) throws(KurrentFailure) -> StreamName {
        if IndexStream.isName(name) { throw .accessDenied }
        guard let stream = KurrentNames.log(name), !stream.isControl else {
            if name == "$all" || name.utf8.starts(with: KurrentNames.metadataCategory.utf8) { throw .accessDenied }
            throw .invalid(
                "'\(name.prefix(80))' is no name of a stream: use 1 to \(Limits.nameBytes) bytes without control characters."
            )
        }
        return stream
    }
}
#endif
