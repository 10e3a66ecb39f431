#if Server
import DaybookCore
import HTTPTypes

/// Why users could not be changed.
enum UserFailure: Error, Sendable, Hashable {
    case notFound(login: String)
    case exists(login: String)
    /// Somebody else changed the user at the same time.
    case conflict(login: String)
    /// The password that was to be replaced is another.
    case wrongPassword
    /// What was asked for breaks a rule; the text says which.
    case invalid(String)
    /// Somebody has written into the user's stream what tells of no user.
    case unreadable(login: String, position: Position)
    case unavailable(String)

    fileprivate static func unreadable(_ login: String, _ position: Position) -> String {
        "The event at position \(position) does not tell what the user '\(login)' is like: delete the stream "
            + "'\(User.stream(of: login))', and make the user anew."
    }
}

extension RPCStatus {
    init(_ failure: UserFailure) {
        switch failure {
        case .notFound(let login):
            self = RPCStatus(.notFound, "User '\(login)' is not found.")
                .adding("exception", "user-not-found").adding("login-name", login)
        case .exists(let login):
            self = RPCStatus(.failedPrecondition, "Conflict.")
                .adding("exception", "user-conflict").adding("login-name", login)
        case .conflict(let login):
            self = RPCStatus(.deadlineExceeded, "Try again.")
                .adding("exception", "user-conflict").adding("login-name", login)
        case .wrongPassword: self = .accessDenied
        case .invalid(let text): self = RPCStatus(.invalidArgument, text)
        case .unreadable(let login, let position):
            self = RPCStatus(.failedPrecondition, UserFailure.unreadable(login, position))
        case .unavailable(let text): self = RPCStatus(.unavailable, text)
        }
    }
}

extension HTTPProblem {
    init(_ failure: UserFailure) {
        switch failure {
        case .notFound(let login):
            self = HTTPProblem(
                .notFound, "userNotFound", title: "There is no such user.", detail: "There is no user '\(login)'.")
        case .exists(let login):
            self = HTTPProblem(
                .conflict, "userExists", title: "There is such a user.",
                detail: "There is a user '\(login)' already: choose another login, or change that one.")
        case .conflict(let login):
            self = HTTPProblem(
                .conflict, "userConflict", title: "The user was changed at the same time.",
                detail: "Somebody else changed the user '\(login)' at the same time: try again.")
        case .wrongPassword: self = .accessDenied("the password that is to be replaced is another one")
        case .invalid(let text):
            self = HTTPProblem(.badRequest, "invalidUser", title: "The user breaks a rule.", detail: text)
        case .unreadable(let login, let position):
            self = HTTPProblem(
                .conflict, "userUnreadable", title: "What the log has of the user tells of none.",
                detail: UserFailure.unreadable(login, position))
        case .unavailable(let text):
            self = HTTPProblem(
                .serviceUnavailable, "usersUnavailable", title: "The users cannot be read.", detail: text)
        }
    }
}
#endif
