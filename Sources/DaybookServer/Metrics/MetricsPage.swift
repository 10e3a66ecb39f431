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
        var figures = MetricText([("store", storeName)])
        if let store = store as? any MetricReporting {
            do { figures = try await Self.metrics(of: store, named: storeName) } catch .cancelled {
                throw .cancelled
            } catch {}
        }
        var server = MetricText()
        do { try await groups?.write(to: &server) } catch .cancelled { throw .cancelled } catch {}
        metrics.write(to: &server)
        ProcessMetrics().write(to: &server)
        return health + figures.text + server.text
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

    private static func metrics(
        of store: any MetricReporting, named name: String
    ) async throws(ReadError) -> MetricText {
        var text = MetricText([("store", name)])
        try await store.addMetrics(to: &text)
        return text
    }
}
#endif
