#if Server
import DaybookCore
import Foundation
import HTTPTypes
import Hummingbird

/// What the server tells of itself and of its store.
struct NodeRoutes: Sendable {
    let store: any EventStore
    let metricsPage: MetricsPage
    let configuration: ServerConfiguration
    let shutdown: HTTPShutdown

    /// The version of the routes under `/v1`.
    static let apiVersion = "1.0.0"

    var routes: [HTTPRoute] {
        [
            HTTPRoute(.get, "/health/live", answer: live),
            HTTPRoute(.get, "/health/ready", answer: ready),
            HTTPRoute(.get, "/health", answer: health),
            HTTPRoute(.get, "/metrics", answer: metrics),
            HTTPRoute(.get, "/version", answer: version),
            HTTPRoute(.get, "/openapi.json", answer: openAPI),
        ]
    }

    @Sendable private func live(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        return Response(bytes: Array(#"{"status":"live"}"#.utf8))
    }

    /// Whether requests are taken: the store answers, and the server does not end.
    @Sendable private func ready(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        guard !shutdown.hasBegun else { throw HTTPProblem.shuttingDown }
        let head: Position
        do { head = try await store.head() } catch { throw HTTPProblem(error) }
        return Response(bytes: Array(#"{"status":"ready","head":\#(head.rawValue)}"#.utf8))
    }

    /// The same object as `daybook health --json`; 503 when something is wrong.
    @Sendable private func health(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        let health = try await storeHealth()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var bytes = Array(#"{"healthy":\#(health.isHealthy),"health":"#.utf8)
        bytes += try encoder.encode(health)
        bytes.append(UInt8(ascii: "}"))
        return Response(bytes: bytes, status: health.isHealthy ? .ok : .serviceUnavailable)
    }

    /// What `daybook health --metrics` says, and what the server counts.
    @Sendable private func metrics(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        let text: String
        do { text = try await metricsPage.text() } catch { throw HTTPProblem(error) }
        return Response(bytes: Array(text.utf8), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private func storeHealth() async throws(HTTPProblem) -> StoreHealth {
        guard let store = store as? any HealthReporting else { throw .noHealth }
        do { return try await store.health(configuration.healthPolicy) } catch { throw HTTPProblem(error) }
    }

    @Sendable private func version(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        return Response(
            bytes: Array(
                #"{"server":"daybook","api":"\#(Self.apiVersion)","kurrentdb":"\#(ServerFeaturesService.version)"}"#
                    .utf8))
    }

    @Sendable private func openAPI(_ call: HTTPCall) async throws -> Response {
        try call.query().finish()
        return Response(bytes: Array(OpenAPIDocument.text.utf8))
    }
}

extension HTTPProblem {
    fileprivate static let noHealth = HTTPProblem(
        .notImplemented, "noHealth", title: "The store does not tell its health.",
        detail: "The store does not tell its health; /health/ready tells whether it answers.")
}
#endif
