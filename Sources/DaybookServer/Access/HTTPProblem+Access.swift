#if Server
import HTTPTypes
import Hummingbird

extension HTTPProblem {
    init(_ denial: AccessDenial) {
        switch denial {
        case .unauthenticated:
            self = HTTPProblem(
                .unauthorized, "unauthenticated", title: "The request does not tell who makes it.",
                detail:
                    "The request has no credentials, or wrong ones: send the header Authorization with a user and password "
                    + "(Basic) or a token (Bearer), or use a certificate. As long as there are no users, the token that the server "
                    + "says when it starts makes the first one, by POST /v1/users.")
        case .denied(let missing): self = .accessDenied("\(missing)")
        case .tooManyFailures:
            self = HTTPProblem(
                .tooManyRequests, "tooManyFailures", title: "Too many logins have failed.",
                detail: "Too many logins have failed: wait a minute, and check the password.")
        case .busy:
            self = HTTPProblem(
                .serviceUnavailable, "busy", title: "The server has too much to do.",
                detail: "Too many passwords wait to be looked at: try again.")
        case .unavailable(let text):
            self = HTTPProblem(
                .serviceUnavailable, "accessUnknown", title: "The server cannot tell who may do this.", detail: text)
        }
    }

    /// - Parameter reason: As it goes on behind a colon.
    static func accessDenied(_ reason: String) -> HTTPProblem {
        HTTPProblem(
            .forbidden, "accessDenied", title: "The user may not do this.",
            detail: "The user may not do this: \(reason).")
    }

    /// What HTTP wants to stand beside a problem: how to tell who one is, or when to come again.
    func addAccessHeaders(to response: inout Response) {
        switch status {
        case .unauthorized: response.headers[.wwwAuthenticate] = #"Basic realm="daybook", charset="UTF-8", Bearer"#
        case .tooManyRequests: response.headers[.retryAfter] = "60"
        default: break
        }
    }
}
#endif
