#if Server
import DaybookCore
import DaybookProtocol

/// The health of a store that tells it.
struct HealthService: Sendable {
    let store: any HealthReporting

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.health, .store(health))
        return routes
    }

    @Sendable private func health(_ policy: HealthPolicy) async throws(ReadError) -> StoreHealth {
        try await store.health(policy)
    }
}
#endif
