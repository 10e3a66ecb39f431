#if Server
import DaybookCore
import DaybookProtocol

/// `daybook.v1.Store`: the store as it is, for `DaybookClient`. What the store cannot do is not among the routes.
struct StoreService: Sendable {
    private let log: KurrentLog
    private var store: any EventStore { log.store }

    /// - Parameter log: Told of what is written, so that clients of KurrentDB see the streams as they are.
    init(log: KurrentLog) { self.log = log }

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.append, .store(append))
        routes.add(.readStream, .store(readStream))
        routes.add(.readLog, .store(readLog))
        routes.add(.state, .store(state))
        routes.add(.streams, .store(streams))
        routes.add(.receipt, .store(receipt))
        routes.add(.head, .store(head))
        routes.add(.headBeyond, .waitingStore(headBeyond))
        if let store = store as? any HealthReporting { routes.merge(HealthService(store: store).routes) { $1 } }
        if let store = store as? any CheckpointStore { routes.merge(CheckpointService(store: store).routes) { $1 } }
        if let store = store as? any SnapshotStore { routes.merge(SnapshotService(store: store).routes) { $1 } }
        if let store = store as? any ReadModelStore { routes.merge(ReadModelService(store: store).routes) { $1 } }
        if let store = store as? any CopyableStore { routes.merge(CopyService(store: store).routes) { $1 } }
        return routes
    }

    @Sendable private func append(_ request: AppendRequest) async throws(AppendError) -> MaybeResult {
        let result = try await store.append(request)
        log.note(request, result)
        return MaybeResult(result)
    }

    @Sendable private func readStream(_ request: StreamPageRequest) async throws(ReadError) -> StreamPage {
        try await store.readPage(
            of: request.stream, from: request.cursor, direction: request.direction, limit: request.limit)
    }

    @Sendable private func readLog(_ request: LogPageRequest) async throws(ReadError) -> LogPage {
        try await store.readPage(
            from: request.cursor, direction: request.direction, filter: request.filter, limit: request.limit)
    }

    @Sendable private func state(_ request: NamedRequest<StreamName>) async throws(ReadError) -> StateAnswer {
        StateAnswer(try await store.state(of: request.name))
    }

    @Sendable private func streams(_ request: StreamsRequest) async throws(ReadError) -> StreamsPage {
        StreamsPage(try await store.streams(after: request.after, limit: request.limit))
    }

    @Sendable private func receipt(_ request: NamedRequest<CommandID>) async throws(ReadError) -> MaybeResult {
        MaybeResult(try await store.receipt(for: request.name))
    }

    @Sendable private func head(_ request: WireNothing) async throws(ReadError) -> PositionMessage {
        PositionMessage(try await store.head())
    }

    @Sendable private func headBeyond(_ request: PositionMessage) async throws(ReadError) -> PositionMessage {
        PositionMessage(try await store.head(beyond: request.position ?? .start))
    }
}
#endif
