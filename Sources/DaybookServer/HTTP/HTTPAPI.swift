#if Server
import DaybookCore
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore

/// The store by HTTP and JSON: which requests there are, and what is answered. `docs/http-api.md` tells of it to people,
/// ``OpenAPIDocument`` to programs.
struct HTTPAPI: Sendable {
    let shutdown = HTTPShutdown()
    let routes: [HTTPRoute]
    private let responder: RouterResponder<HTTPContext>
    /// Nil where requests need no credentials: these must be for this machine then.
    private let hosts: HTTPHosts?
    private let bodies: HTTPBodies
    private let logger: Logger
    private let clock = HTTPClock()

    /// - Parameters:
    ///   - subscriptions: Of which the metrics tell, too.
    ///   - tracing: Puts requests into their traces.
    init(
        log: KurrentLog, configuration: ServerConfiguration, users: UserDirectory, gate: AccessGate? = nil,
        subscriptions: PersistentSubscriptions? = nil, tracing: CallTracing = CallTracing(),
        limits: HTTPLimits = HTTPLimits(), logger: Logger = Logger(label: "daybook.server")
    ) {
        self.logger = logger
        hosts = gate == nil ? HTTPHosts(configuration) : nil
        bodies = HTTPBodies(limit: limits.bodyBytes, held: limits.bodyBytesHeld)
        let store = log.store
        let writer = HTTPWriter(log: log)
        routes = Array(
            [
                AppendRoutes(writer: writer).routes,
                StreamRoutes(store: store, writer: writer).routes,
                StateRoutes(configuration.states).routes,
                ReadRoutes(
                    store: store, meter: log.metrics.reads[.http], source: configuration.eventSource, limits: limits,
                    shutdown: shutdown
                ).routes,
                FollowRoutes(store: store, metrics: log.metrics, limits: limits, shutdown: shutdown).routes,
                CloudEventRoutes(writer: writer).routes,
                UserRoutes(users: users).routes,
                NodeRoutes(
                    store: store,
                    metricsPage: MetricsPage(
                        store: store, storeName: configuration.storeName, policy: configuration.healthPolicy,
                        metrics: log.metrics,
                        groups: subscriptions.map { GroupMetrics(subscriptions: $0, store: store) }),
                    configuration: configuration, shutdown: shutdown
                ).routes,
            ].joined())
        let observer = CallObserver(metrics: log.metrics, tracing: tracing)
        let router = Router(context: HTTPContext.self, options: [.autoGenerateHeadEndpoints])
        for route in routes {
            let meter = observer.meter(of: route)
            router.on(RouterPath(route.path), method: route.method) { [bodies] request, context -> Response in
                let call = HTTPCall(request: request, parameters: context.parameters, bodies: bodies)
                return try await observer.observe(request, meter) { () async throws -> Response in
                    guard let gate else { return try await route.answer(call) }
                    return try await gate.enter(
                        Credentials(
                            authorization: request.headers[.authorization], certificate: context.peer.certificateName,
                            until: context.peer.certificateEnd),
                        method: "\(route.method) \(route.path)", address: context.peer.address, record: context.record,
                        AccessTable.action(ofRoute: route.path, route.method)
                    ) { try await route.answer(call) }
                }
            }
        }
        // Stands behind all of them, so that it is asked for what none of them takes.
        router.add(middleware: HTTPUnknownPath(routes: routes))
        responder = router.buildResponder()
    }

    /// - Throws: What happened to the connection while the body was read; it is closed then.
    func respond(
        to request: Request, on channel: any Channel, peer: RPCPeer, record: CallRecord? = nil
    ) async throws -> Response {
        var response: Response
        do {
            try hosts?.check(request)
            var context = HTTPContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            context.peer = peer
            context.record = record
            response = try await responder.respond(to: request, context: context)
        } catch let problem as HTTPProblem {
            response = problem.response
        } catch let denial as AccessDenial {
            response = HTTPProblem(denial).response
        } catch let failure as HTTPBodies.ConnectionFailure {
            throw failure.cause
        } catch is CancellationError {
            response = HTTPProblem.cancelled.response
        } catch {
            logger.error("A request failed.", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            response = HTTPProblem.unforeseen.response
        }
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.date] = clock.text
        return response
    }
}
#endif
