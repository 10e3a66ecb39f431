#if Server
import Hummingbird
import NIOCore

/// Looks on while calls are answered, of every protocol: counts them, and puts them into their traces.
struct CallObserver: Sendable {
    let metrics: ServerMetrics
    let tracing: CallTracing

    /// The same methods, observed.
    func observing(_ routes: RPCRoutes) -> RPCRoutes {
        Dictionary(
            uniqueKeysWithValues: routes.map { path, method in
                let served = ServedProtocol(methodPath: path)
                return (path, observing(method, metrics.calls(of: String(path.drop { $0 == "/" }), served)))
            })
    }

    private func observing(_ method: RPCMethod, _ meter: CallMeter) -> RPCMethod {
        switch method {
        case .finishing(let method):
            .finishing(observing(method, meter))
        case .unary(let answer):
            .unary { (message: ByteBuffer, context: RPCContext) async throws -> ByteBuffer in
                try await observe(meter, .rpc(context)) { try await answer(message, context) }
            }
        case .clientStreaming(let answer):
            .clientStreaming { (requests: RPCRequests, context: RPCContext) async throws -> ByteBuffer in
                try await observe(meter, .rpc(context)) { try await answer(requests, context) }
            }
        case .streaming(let answer):
            .streaming { (requests: RPCRequests, responses: RPCResponses, context: RPCContext) async throws -> Void in
                try await observe(meter, .rpc(context)) { try await answer(requests, responses, context) }
            }
        }
    }

    /// What counts the requests of a route.
    func meter(of route: HTTPRoute) -> CallMeter { metrics.calls(of: "\(route.method.rawValue) \(route.path)", .http) }

    /// - Parameter meter: That of the request's route.
    func observe(
        _ request: Request, _ meter: CallMeter, _ answer: () async throws -> Response
    ) async throws -> Response {
        try await tracing.answer(meter.method, meter.served, .http(request.headers)) {
            try await meter.measure(answer) { CallOutcome(httpStatus: $0.status.code) }
        }
    }

    private func observe<T: Sendable>(
        _ meter: CallMeter, _ carrier: TraceCarrier, _ body: () async throws -> T
    ) async throws -> T {
        try await tracing.answer(meter.method, meter.served, carrier) { try await meter.measure(body) }
    }
}
#endif
