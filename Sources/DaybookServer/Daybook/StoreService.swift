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
        routes.add(.append, .store(append, asking: mayAppend))
        routes.add(.readStream, .store(readStream, asking: mayRead))
        routes.add(.readLog, .store(readLog, asking: mayReadLog))
        routes.add(.state, .store(state, asking: mayReadState))
        routes.add(.streams, .store(streams, asking: mayListStreams))
        routes.add(.receipt, .store(receipt, showing: visibleReceipt))
        routes.add(.head, .store(head))
        routes.add(.headBeyond, .waitingStore(headBeyond))
        if let store = store as? any HealthReporting { routes.merge(HealthService(store: store).routes) { $1 } }
        if let store = store as? any CheckpointStore { routes.merge(CheckpointService(store: store).routes) { $1 } }
        if let store = store as? any SnapshotStore { routes.merge(SnapshotService(store: store).routes) { $1 } }
        if let store = store as? any ReadModelStore { routes.merge(ReadModelService(store: store).routes) { $1 } }
        if let store = store as? any CopyableStore { routes.merge(CopyService(store: store, log: log).routes) { $1 } }
        return routes
    }

    @Sendable private func append(_ request: AppendRequest) async throws(AppendError) -> MaybeResult {
        let result = try await log.commit(request)
        log.note(request, result)
        return MaybeResult(result)
    }

    @Sendable private func readStream(_ request: StreamPageRequest) async throws(ReadError) -> StreamPage {
        try await log.metrics.reads[.daybook].page(
            of: request.stream, from: request.cursor, request.direction, limit: request.limit, in: store)
    }

    @Sendable private func readLog(_ request: LogPageRequest) async throws(ReadError) -> LogPage {
        do {
            return try await CallAccess.visiblePage(
                of: store, by: log.metrics.reads[.daybook], from: request.cursor, direction: request.direction,
                filter: request.filter,
                limit: request.limit)
        } catch let error as ReadError {
            throw error
        } catch let denial as AccessDenial {
            throw .storageFailed(reason: denial.storeReason)
        } catch {
            throw .storageFailed(reason: "\(error)")
        }
    }

    @Sendable private func state(_ request: NamedRequest<StreamName>) async throws(ReadError) -> StateAnswer {
        StateAnswer(try await store.state(of: request.name))
    }

    @Sendable private func streams(_ request: StreamsRequest) async throws(ReadError) -> StreamsPage {
        var shown: [StreamName] = []
        var after = request.after
        // As many as were asked for: fewer would say that there are no more.
        while true {
            if Task.isCancelled { throw .cancelled }
            let names = try await store.streams(after: after, limit: request.limit)
            let visible: [StreamName]
            do {
                visible = try await CallAccess.visible(names) { [StreamResource(recorded: $0)] }
            } catch {
                throw .storageFailed(reason: error.storeReason)
            }
            shown += visible.prefix(max(0, request.limit - shown.count))
            if shown.count >= request.limit || names.count < request.limit { return StreamsPage(shown) }
            after = names.last
        }
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

    // MARK: - Who may do so

    @Sendable private func mayAppend(_ request: AppendRequest) async throws(AccessDenial) {
        try await CallAccess.requireAppend(request)
    }

    @Sendable private func mayRead(_ request: StreamPageRequest) async throws(AccessDenial) {
        try await CallAccess.require(.read, of: request.stream)
    }

    @Sendable private func mayReadState(_ request: NamedRequest<StreamName>) async throws(AccessDenial) {
        try await CallAccess.require(.read, of: request.name)
    }

    @Sendable private func mayReadLog(_ request: LogPageRequest) async throws(AccessDenial) {
        try await CallAccess.require(.stream(.read, .log))
    }

    @Sendable private func mayListStreams(_ request: StreamsRequest) async throws(AccessDenial) {
        try await CallAccess.require(.stream(.read, .log))
        if let after = request.after { try await CallAccess.requireVisible(after) }
    }

    @Sendable private func visibleReceipt(_ receipt: MaybeResult) async throws(AccessDenial) -> MaybeResult {
        try await CallAccess.requireReading(unnamed: (receipt.result?.streams ?? []).map(\.stream))
        return receipt
    }
}
#endif
