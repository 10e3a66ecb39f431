#if Server
import DaybookProtocol
import DaybookServer
import DaybookSQLite

/// The users in a file that no server has open.
struct UsersOfFile: StoreUsers {
    private let users: ServerUsers

    init(store: SQLiteEventStore) async throws { users = try await ServerUsers(store: store) }

    func all() async throws -> [UserSummary] {
        try await failing {
            try await users.all().map { user in
                UserSummary(
                    login: user.login, fullName: user.fullName, groups: user.groups, isDisabled: user.isDisabled,
                    hasPassword: user.hasPassword)
            }
        }
    }

    func add(_ user: UserRequest) async throws {
        try await failing {
            try await users.add(
                user.login, password: user.password, fullName: user.fullName, groups: user.groups)
        }
    }

    func setPassword(of login: String, to password: String) async throws {
        try await failing { try await users.setPassword(of: login, to: password) }
    }

    func remove(_ login: String) async throws { try await failing { try await users.remove(login) } }

    private func failing<T>(_ body: () async throws -> T) async throws -> T {
        do { return try await body() } catch let failure as ServerUsers.Failure {
            throw CommandFailure(.refused, failure.description)
        }
    }
}
#endif
