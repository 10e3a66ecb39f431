#if Server
import DaybookCore
import Hummingbird

/// Makes users by HTTP: the first one with the token that the server says when it starts, others as an admin.
struct UserRoutes: Sendable {
    let users: UserDirectory

    var routes: [HTTPRoute] { [HTTPRoute(.post, "/v1/users", answer: create)] }

    @Sendable private func create(_ call: HTTPCall) async throws -> Response {
        guard let type = call.mediaType, type.isJSON else {
            throw HTTPProblem.wrongMediaType(call.mediaType?.name, wanted: "application/json")
        }
        try call.query().finish()
        return try await call.withBody { body in
            let draft = try Self.draft(in: body)
            let isFirst = CallAccess.current?.principal.kind == .founder
            do {
                try await users.create(draft, isFirst: isFirst)
            } catch let failure as UserFailure {
                throw HTTPProblem(failure)
            } catch let failure as KurrentFailure {
                throw HTTPProblem(UserFailure.unavailable(RPCStatus(failure).message))
            } catch let error as ReadError {
                throw HTTPProblem(error)
            }
            var bytes = Array(#"{"login":"#.utf8)
            bytes.appendJSONString(draft.login)
            bytes.append(UInt8(ascii: "}"))
            return Response(bytes: bytes, status: .created)
        }
    }

    /// `{"login":"ada","password":"…","fullName":"Ada Lovelace","groups":["$admins"]}`; without a password for who has a
    /// certificate.
    private static func draft(in body: [UInt8]) throws(HTTPProblem) -> UserDirectory.Draft {
        let json = try JSONText(body: body)
        do throws(FieldError) {
            var fields = try JSONFields(json, path: "")
            guard let login = try fields.string("login") else {
                throw FieldError(path: "login", problem: "is missing; write the name of the user.")
            }
            var draft = UserDirectory.Draft(login: login, password: try fields.string("password"))
            draft.fullName = try fields.string("fullName") ?? ""
            for (index, group) in (try fields.elements("groups") ?? []).enumerated() {
                guard let name = group.string else {
                    throw FieldError(path: "groups[\(index)]", problem: "is no text; write the name of a group.")
                }
                draft.groups.append(name)
            }
            try fields.finish()
            return draft
        } catch {
            throw HTTPProblem(error)
        }
    }
}
#endif
