#if Server
import DaybookCore
import DaybookProtocol

/// The checkpoints of a store that keeps them.
struct CheckpointService: Sendable {
    let store: any CheckpointStore

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.getCheckpoint, .store(get))
        routes.add(.saveCheckpoint, .store(save))
        routes.add(.deleteCheckpoint, .store(delete))
        return routes
    }

    @Sendable private func get(
        _ request: NamedRequest<CheckpointName>
    ) async throws(DerivedStateError) -> PositionMessage {
        PositionMessage(try await store.checkpoint(for: request.name)?.position)
    }

    @Sendable private func save(_ request: SaveCheckpointRequest) async throws(DerivedStateError) -> WireNothing {
        try await store.save(request.checkpoint, for: request.name)
        return WireNothing()
    }

    @Sendable private func delete(
        _ request: NamedRequest<CheckpointName>
    ) async throws(DerivedStateError) -> WireNothing {
        try await store.deleteCheckpoint(for: request.name)
        return WireNothing()
    }
}
#endif
