#if Server
import DaybookCore
import HTTPTypes

/// What is wrong with requests themselves.
extension HTTPProblem {
    /// A parameter of the path or the query.
    static func malformed(_ parameter: String, _ what: String) -> HTTPProblem {
        HTTPProblem(
            .badRequest, "malformedParameter", title: "A parameter cannot be understood.",
            detail: "The parameter '\(parameter)' \(what)."
        ).with("parameter", .text(parameter))
    }

    /// A name within a parameter.
    init(_ error: InvalidName, in parameter: String) {
        self = HTTPProblem(
            .badRequest, "malformedParameter", title: "A parameter cannot be understood.", detail: error.description
        ).with("parameter", .text(parameter))
    }

    /// A body that is no JSON.
    init(_ error: JSONSyntaxError) {
        self = HTTPProblem(
            .badRequest, "malformedJSON", title: "The body is not JSON.", detail: "The body is not JSON: \(error)."
        ).with("offset", .number(Int64(error.offset)))
    }

    /// A field of a body.
    init(_ error: FieldError) {
        self = HTTPProblem(
            .badRequest, "malformedField", title: "A field of the body cannot be understood.",
            detail: error.path.isEmpty ? "The body \(error.problem)" : "'\(error.path)' \(error.problem)"
        ).with("field", .text(error.path))
    }

    static func malformedBody(_ detail: String) -> HTTPProblem {
        HTTPProblem(.badRequest, "malformedBody", title: "The body cannot be understood.", detail: detail)
    }

    static func bodyTooLarge(limit: Int) -> HTTPProblem {
        HTTPProblem(
            .contentTooLarge, "bodyTooLarge", title: "The body is too large.",
            detail: "The body has more than \(limit) bytes: send less at once."
        ).with("limit", .number(Int64(limit)))
    }

    /// Other requests need all the memory there is for bodies.
    static func busy(limit: Int) -> HTTPProblem {
        HTTPProblem(
            .serviceUnavailable, "busy", title: "The server has too much to do.",
            detail: "The bodies of the requests at hand have more than \(limit) bytes: try again."
        ).with("limit", .number(Int64(limit))).with("mayBeWritten", .boolean(false))
    }

    static func wrongMediaType(_ found: String?, wanted: String) -> HTTPProblem {
        HTTPProblem(
            .unsupportedMediaType, "wrongMediaType", title: "The body is of another media type.",
            detail: "The body is \(found.map { "'\($0.prefix(80))'" } ?? "of no media type"); send \(wanted).")
    }

    static func notAcceptable(_ offered: [String]) -> HTTPProblem {
        HTTPProblem(
            .notAcceptable, "notAcceptable", title: "The client takes none of the media types there are.",
            detail: "The answer is there as \(offered.joined(separator: ", ")).")
    }

    static func wrongHost(_ name: String) -> HTTPProblem {
        HTTPProblem(
            .misdirectedRequest, "wrongHost", title: "The request is for another host.",
            detail: "The request is for the host '\(name.prefix(80))'; the server takes those for this machine only.")
    }

    static func noRoute(_ path: String) -> HTTPProblem {
        HTTPProblem(
            .notFound, "noRoute", title: "There is nothing at this path.",
            detail: "There is nothing at '\(path.prefix(200))': /openapi.json tells what there is.")
    }

    static func wrongMethod(_ method: String, path: String) -> HTTPProblem {
        HTTPProblem(
            .methodNotAllowed, "wrongMethod", title: "The path has no such method.",
            detail: "'\(path.prefix(200))' has no method \(method.prefix(20)): the header Allow tells which it has.")
    }

    static let cancelled = HTTPProblem(
        .serviceUnavailable, "cancelled", title: "The request was cancelled.",
        detail: "The request was cancelled before it was answered.")

    static let shuttingDown = HTTPProblem(
        .serviceUnavailable, "shuttingDown", title: "The server is shutting down.",
        detail: "The server is shutting down: try again when it is back.")

    /// What a client is told of an error that nobody foresaw: nothing of what is inside.
    static let unforeseen = HTTPProblem(
        .internalServerError, "unforeseen", title: "The server has failed.",
        detail: "The server has failed; its log tells why.")
}
#endif
