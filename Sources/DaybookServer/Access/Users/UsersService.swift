#if Server
import DaybookCore
import KurrentProtocol

/// `event_store.client.users.Users`: who may use the server. Managing them is for admins, as ``AccessTable`` says; every user may
/// see who there is, and change a password that it knows.
struct UsersService: Sendable {
    let users: UserDirectory

    static let name = "event_store.client.users.Users"

    private typealias CreateRequest = EventStore_Client_Users_CreateReq
    private typealias UpdateRequest = EventStore_Client_Users_UpdateReq
    private typealias DeleteRequest = EventStore_Client_Users_DeleteReq
    private typealias EnableRequest = EventStore_Client_Users_EnableReq
    private typealias DisableRequest = EventStore_Client_Users_DisableReq
    private typealias DetailsRequest = EventStore_Client_Users_DetailsReq
    private typealias DetailsResponse = EventStore_Client_Users_DetailsResp
    private typealias ChangePasswordRequest = EventStore_Client_Users_ChangePasswordReq
    private typealias ResetPasswordRequest = EventStore_Client_Users_ResetPasswordReq

    var routes: RPCRoutes {
        [
            "/\(Self.name)/Create": .unary { (request: CreateRequest, _) in
                let options = request.options
                try await Self.status {
                    try await users.create(
                        UserDirectory.Draft(
                            login: options.loginName, password: options.password, fullName: options.fullName,
                            groups: options.groups))
                }
                return EventStore_Client_Users_CreateResp()
            },
            "/\(Self.name)/Update": .unary { (request: UpdateRequest, _) in
                let options = request.options
                try await Self.status {
                    try await users.update(
                        options.loginName, fullName: options.fullName, groups: options.groups,
                        password: options.password.isEmpty ? nil : options.password)
                }
                return EventStore_Client_Users_UpdateResp()
            },
            "/\(Self.name)/Delete": .unary { (request: DeleteRequest, _) in
                try await Self.status { try await users.delete(request.options.loginName) }
                return EventStore_Client_Users_DeleteResp()
            },
            "/\(Self.name)/Enable": .unary { (request: EnableRequest, _) in
                try await Self.status { try await users.setDisabled(false, request.options.loginName) }
                return EventStore_Client_Users_EnableResp()
            },
            "/\(Self.name)/Disable": .unary { (request: DisableRequest, _) in
                try await Self.status { try await users.setDisabled(true, request.options.loginName) }
                return EventStore_Client_Users_DisableResp()
            },
            "/\(Self.name)/Details": .unaryRequest { (request: DetailsRequest, responses, _) in
                try await Self.status { try await details(request.options.loginName, to: responses) }
            },
            "/\(Self.name)/ChangePassword": .unary { (request: ChangePasswordRequest, _) in
                let options = request.options
                // Else every user could try the passwords of the others here.
                if let caller = CallAccess.current?.principal, caller.login != options.loginName, !caller.has(.admin) {
                    throw RPCStatus.accessDenied
                }
                try await Self.status {
                    try await users.changePassword(
                        of: options.loginName, from: options.currentPassword, to: options.newPassword)
                }
                return EventStore_Client_Users_ChangePasswordResp()
            },
            "/\(Self.name)/ResetPassword": .unary { (request: ResetPasswordRequest, _) in
                let options = request.options
                try await Self.status { try await users.resetPassword(of: options.loginName, to: options.newPassword) }
                return EventStore_Client_Users_ResetPasswordResp()
            },
        ]
    }

    private func details(_ login: String, to responses: RPCResponses) async throws {
        guard login.isEmpty else {
            guard let user = try await users.user(login) else { throw UserFailure.notFound(login: login) }
            return try await responses.send(Self.details(user))
        }
        for user in try await users.all() { try await responses.send(Self.details(user)) }
    }

    private static func details(_ user: User) -> DetailsResponse {
        .with {
            $0.userDetails.loginName = user.loginName
            $0.userDetails.fullName = user.fullName
            $0.userDetails.groups = user.groups
            $0.userDetails.disabled = user.disabled
            $0.userDetails.lastUpdated.ticksSinceEpoch = user.changedAt.microseconds * 10
        }
    }

    private static func status(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as UserFailure {
            throw RPCStatus(failure)
        } catch let denial as AccessDenial {
            throw RPCStatus(denial)
        } catch let failure as KurrentFailure {
            throw RPCStatus(failure)
        } catch let error as ReadError {
            throw RPCStatus(KurrentFailure(error))
        }
    }
}
#endif
