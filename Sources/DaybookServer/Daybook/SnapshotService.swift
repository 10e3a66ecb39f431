#if Server
import DaybookCore
import DaybookProtocol

/// The snapshots of a store that keeps them.
struct SnapshotService: Sendable {
    let store: any SnapshotStore

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.getSnapshot, .store(get))
        routes.add(.saveSnapshot, .store(save))
        routes.add(.deleteSnapshot, .store(delete))
        routes.add(.deleteSnapshots, .store(deleteMany))
        return routes
    }

    @Sendable private func get(
        _ request: NamedRequest<SnapshotKey>
    ) async throws(DerivedStateError) -> MaybeSnapshot {
        MaybeSnapshot(try await store.snapshot(for: request.name))
    }

    @Sendable private func save(_ snapshot: Snapshot) async throws(DerivedStateError) -> WireNothing {
        try await store.save(snapshot)
        return WireNothing()
    }

    @Sendable private func delete(
        _ request: NamedRequest<SnapshotKey>
    ) async throws(DerivedStateError) -> WireNothing {
        try await store.deleteSnapshot(for: request.name)
        return WireNothing()
    }

    @Sendable private func deleteMany(
        _ request: DeleteSnapshotsRequest
    ) async throws(DerivedStateError) -> CountMessage {
        CountMessage(
            try await store.deleteSnapshots(keyPrefix: request.keyPrefix, exceptSchema: request.exceptSchema))
    }
}
#endif
