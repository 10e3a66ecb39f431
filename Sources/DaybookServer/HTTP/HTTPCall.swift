#if Server
import DaybookCore
import HTTPTypes
import Hummingbird
import NIOCore

/// One request, as a route sees it.
struct HTTPCall: Sendable {
    let request: Request
    let parameters: Parameters
    private let bodies: HTTPBodies

    init(request: Request, parameters: Parameters, bodies: HTTPBodies) {
        self.request = request
        self.parameters = parameters
        self.bodies = bodies
    }

    /// What stands for a parameter of the path, such as the stream in `/v1/streams/{stream}`; a slash in it is written `%2F`.
    func name<Name: BoundedName>(_ key: String, as type: Name.Type = Name.self) throws(HTTPProblem) -> Name {
        guard let raw = parameters.get(key), let text = PercentEncoding.decoded(raw[...], plusIsSpace: false) else {
            throw .malformed(key, "is not UTF-8 in percent-encoding")
        }
        do { return try Name(text) } catch { throw HTTPProblem(error, in: key) }
    }

    func query() throws(HTTPProblem) -> HTTPQuery { try HTTPQuery(request.uri.query) }

    var mediaType: HTTPMediaType? { request.headers[.contentType].map { HTTPMediaType($0) } }

    var accepts: HTTPAcceptance { HTTPAcceptance(request.headers[values: .accept]) }

    /// Reads the body, does something with it, and lets its memory go to others.
    func withBody<Result>(_ use: ([UInt8]) async throws -> Result) async throws -> Result {
        try await bodies.withBody(of: request) { body in
            try await CallAccess.recheck()
            return try await use(body)
        }
    }
}
#endif
