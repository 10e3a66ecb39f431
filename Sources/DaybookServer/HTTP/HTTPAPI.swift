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
    private let hosts: HTTPHosts
    private let bodies: HTTPBodies
    private let logger: Logger
    private let clock = HTTPClock()

    init(
        log: KurrentLog, configuration: ServerConfiguration, limits: HTTPLimits = HTTPLimits(),
        logger: Logger = Logger(label: "daybook.server")
    ) {
        self.logger = logger
        hosts = HTTPHosts(configuration)
        bodies = HTTPBodies(limit: limits.bodyBytes, held: limits.bodyBytesHeld)
        let store = log.store
        let writer = HTTPWriter(log: log)
        routes = Array(
            [
                AppendRoutes(writer: writer).routes,
                StreamRoutes(store: store, writer: writer).routes,
                ReadRoutes(store: store, source: configuration.eventSource, limits: limits, shutdown: shutdown).routes,
                FollowRoutes(store: store, limits: limits, shutdown: shutdown).routes,
                CloudEventRoutes(writer: writer).routes,
                NodeRoutes(store: store, configuration: configuration, shutdown: shutdown).routes,
            ].joined())
        let router = Router(context: HTTPContext.self, options: [.autoGenerateHeadEndpoints])
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { [bodies] request, context -> Response in
                try await route.answer(HTTPCall(request: request, parameters: context.parameters, bodies: bodies))
            }
        }
        // Stands behind all of them, so that it is asked for what none of them takes.
        router.add(middleware: HTTPUnknownPath(routes: routes))
        responder = router.buildResponder()
    }

    /// - Throws: What happened to the connection while the body was read; it is closed then.
    func respond(to request: Request, on channel: any Channel) async throws -> Response {
        var response: Response
        do {
            try hosts.check(request)
            let context = HTTPContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            response = try await responder.respond(to: request, context: context)
        } catch let problem as HTTPProblem {
            response = problem.response
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
