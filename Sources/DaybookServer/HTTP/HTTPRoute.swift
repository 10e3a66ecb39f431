#if Server
import HTTPTypes
import Hummingbird

/// A request that the server knows, and what answers it.
struct HTTPRoute: Sendable {
    let method: HTTPRequest.Method
    /// Its path, with parameters in braces: `/v1/streams/{stream}`.
    let path: String
    /// Throws ``HTTPProblem`` for what the client is to be told.
    let answer: @Sendable (HTTPCall) async throws -> Response

    init(
        _ method: HTTPRequest.Method, _ path: String, answer: @escaping @Sendable (HTTPCall) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.answer = answer
    }

    /// Whether a path is one of the route's, with whatever stands for its parameters.
    func matches(_ other: String) -> Bool {
        let parts = path.split(separator: "/")
        let others = other.split(separator: "/")
        return parts.count == others.count
            && zip(parts, others).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
#endif
