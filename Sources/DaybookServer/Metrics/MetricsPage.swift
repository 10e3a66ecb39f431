#if Server
import DaybookCore

/// All metrics of a server and of its store, as `/metrics` has them.
struct MetricsPage: Sendable {
    let store: any EventStore
    /// What tells the store's metrics from those of others.
    let storeName: String
    let policy: HealthPolicy
    let metrics: ServerMetrics
    let groups: GroupMetrics?

    /// Of how many consumers each is told of: their names are labels, and up to their programs.
    static let mostConsumers = 1_000

    /// What the store cannot tell is left out, so that the rest is known when it fails.
    ///
    /// - Throws: ``ReadError/cancelled``.
    func text() async throws(ReadError) -> String {
        let health = try await health()
        let figures = try await figures()
        let groups = try await groupsText()
        return health + figures + groups + metrics.text + ProcessMetrics().text
    }

    private func health() async throws(ReadError) -> String {
        guard let store = store as? any HealthReporting else { return "" }
        do {
            let health = try await store.health(policy)
            return HealthMetrics(health, of: storeName, consumers: Self.mostConsumers).text
        } catch .cancelled {
            throw .cancelled
        } catch {
            var text = MetricText([("store", storeName)])
            text.add("daybook_healthy", .gauge, "Whether neither the store nor a consumer has a problem.", 0)
            return text.text
        }
    }

    private func figures() async throws(ReadError) -> String {
        guard let store = store as? any MetricReporting else { return "" }
        var text = MetricText([("store", storeName)])
        do { try await store.addMetrics(to: &text) } catch .cancelled { throw .cancelled } catch { return "" }
        return text.text
    }

    private func groupsText() async throws(ReadError) -> String {
        guard let groups else { return "" }
        do { return try await groups.text() } catch .cancelled { throw .cancelled } catch { return "" }
    }
}
#endif
