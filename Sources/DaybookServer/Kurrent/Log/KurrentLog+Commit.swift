#if Server
import DaybookCore

extension KurrentLog {
    /// Changes the log: the one way by which clients, of whatever protocol, come to the store's append. Says in the events who
    /// appended them and in which trace, and has it noticed when they decide who may do what.
    func commit(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        let deciding = AccessChanges.deciding(in: request)
        // Also when it fails: the outcome may not be known.
        defer { if !deciding.isEmpty { accessChanges.note(deciding) } }
        let origin = CallOrigin.current
        var stamped = request
        if let call = CallAccess.current { stamped = ActorStamp(call.principal).stamped(stamped) }
        // Behind the actor, who has to have room, as the trace does not.
        if let trace = origin?.trace { stamped = TraceStamp(trace).stamped(stamped) }
        do {
            return try await metrics.appends[origin?.served ?? .server].append(stamped, to: store)
        } catch {
            if error.mayBeWritten { noteDoubt(request) }
            throw error
        }
    }

    /// Records events as another store has them. They keep the actors that they have: a copy is what was recorded.
    ///
    /// - Parameter store: The log's.
    func importEvents(
        _ events: [RecordedEvent], by store: any CopyableStore
    ) async throws(LogCopyError) -> [Position] {
        let deciding = AccessChanges.deciding(in: events)
        defer { if !deciding.isEmpty { accessChanges.note(deciding) } }
        let positions = try await store.importEvents(events)
        for (event, position) in zip(events, positions) { note(event, at: position) }
        return positions
    }
}
#endif
