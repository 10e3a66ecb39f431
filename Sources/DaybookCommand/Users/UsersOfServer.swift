#if Client
import DaybookClient
import DaybookProtocol

/// The users of a server that runs, as its admins change them.
struct UsersOfServer: StoreUsers {
    let operations: ServerOperations

    func all() async throws -> [UserSummary] {
        do { return try await operations.users() } catch { throw CommandFailure(error) }
    }

    func add(_ user: UserRequest) async throws {
        do { try await operations.add(user) } catch { throw CommandFailure(error) }
    }

    func setPassword(of login: String, to password: String) async throws {
        do { try await operations.setPassword(of: login, to: password) } catch { throw CommandFailure(error) }
    }

    func remove(_ login: String) async throws {
        do { try await operations.removeUser(login) } catch { throw CommandFailure(error) }
    }
}
#endif
