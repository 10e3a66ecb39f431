#if Server
import HTTPTypes
import Hummingbird

/// Answers requests that are none of the routes': 405 where another method would do, and 404.
struct HTTPUnknownPath: RouterMiddleware {
    typealias Context = HTTPContext

    let routes: [HTTPRoute]

    func handle(
        _ request: Request, context: HTTPContext, next: (Request, HTTPContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        let methods = routes.filter { $0.matches(path) }.map(\.method.rawValue)
        guard !methods.isEmpty else { throw HTTPProblem.noRoute(path) }
        var response = HTTPProblem.wrongMethod(request.method.rawValue, path: path).response
        response.headers[.allow] = (methods.contains("GET") ? methods + ["HEAD"] : methods).joined(separator: ", ")
        return response
    }
}
#endif
