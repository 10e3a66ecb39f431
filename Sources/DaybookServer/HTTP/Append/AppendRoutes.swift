#if Server
import DaybookCore
import Hummingbird

/// Appends, and what became of them: everything that an ``AppendRequest`` can say, in the form that `daybook append --requests`
/// takes.
struct AppendRoutes: Sendable {
    let writer: HTTPWriter

    var routes: [HTTPRoute] { [HTTPRoute(.post, "/v1/append", answer: append)] }

    @Sendable private func append(_ call: HTTPCall) async throws -> Response {
        guard let type = call.mediaType, type.isJSON else {
            throw HTTPProblem.wrongMediaType(call.mediaType?.name, wanted: "application/json")
        }
        try call.query().finish()
        return try await call.withBody { body in
            try await writer.append(try Self.request(in: body))
        }
    }

    private static func request(in body: [UInt8]) throws(HTTPProblem) -> AppendRequest {
        let json = try JSONText(body: body)
        do { return try AppendRequest(json: json) } catch { throw HTTPProblem(error) }
    }
}
#endif
