#if Server
import DaybookProtocol

/// The users of a server, as its own protocol changes them: the first one with the token that the server says when it starts, all
/// others by an admin.
struct UserOperations: Sendable {
    let users: UserDirectory

    /// How many users one answer has at most, so that it has some megabytes at most.
    private static let pageSize = 200

    var routes: RPCRoutes {
        var routes = RPCRoutes()
        routes.add(.listUsers, .store(list))
        routes.add(.addUser, .store(add))
        routes.add(.setPassword, .store(setPassword))
        routes.add(.removeUser, .store(remove))
        return routes
    }

    @Sendable private func list(_ request: UsersRequest) async throws(OperationFailure) -> UsersPage {
        do {
            let all = try await users.all().dropFirst(max(0, request.skipped))
            let page = all.prefix(Self.pageSize).map { user in
                UserSummary(
                    login: user.loginName, fullName: user.fullName, groups: user.groups, isDisabled: user.disabled,
                    hasPassword: user.passwordHash != nil)
            }
            return UsersPage(page, isAtEnd: page.count == all.count)
        } catch {
            throw OperationFailure(error)
        }
    }

    @Sendable private func add(_ request: UserRequest) async throws(OperationFailure) -> WireNothing {
        let draft = UserDirectory.Draft(
            login: request.login, password: request.password, fullName: request.fullName, groups: request.groups)
        let isFirst = CallAccess.current?.principal.kind == .founder
        do { try await users.create(draft, isFirst: isFirst) } catch { throw OperationFailure(error) }
        return WireNothing()
    }

    @Sendable private func setPassword(_ request: UserRequest) async throws(OperationFailure) -> WireNothing {
        guard let password = request.password else { throw OperationFailure(.invalid, "There is no password.") }
        do { try await users.resetPassword(of: request.login, to: password) } catch { throw OperationFailure(error) }
        return WireNothing()
    }

    @Sendable private func remove(_ request: UserRequest) async throws(OperationFailure) -> WireNothing {
        do { try await users.delete(request.login) } catch { throw OperationFailure(error) }
        return WireNothing()
    }
}
#endif
