#if Server
import DaybookCore

/// The users that a store has for its server, without the server: to make the first admin, or a new password for one who has
/// forgotten it, by whoever may open the store's file.
public struct ServerUsers: Sendable {
    /// A user as others may see it.
    public struct Summary: Sendable, Hashable {
        public let login: String
        public let fullName: String
        /// `$admins`, `$ops`, `$writers`, `$readers` and `$projectors` give rights; others are named by access lists.
        public let groups: [String]
        public let isDisabled: Bool
        /// Whether there is a password; without one a user shows a certificate.
        public let hasPassword: Bool
    }

    /// Why a user could not be changed.
    public struct Failure: Error, Equatable, CustomStringConvertible {
        public let description: String
    }

    private let users: UserDirectory

    /// - Complexity: O(deletions ever made of streams), which are looked up.
    public init(store: any EventStore) async throws {
        users = UserDirectory(
            log: try await KurrentLog.open(store), passwords: PasswordHasher(), founding: FoundingToken())
    }

    /// - Parameter password: 8 to 1,024 bytes; nil for a user who will show a certificate.
    /// - Throws: ``Failure``; `ReadError` when the store cannot be read.
    public func add(_ login: String, password: String?, fullName: String = "", groups: [String] = []) async throws {
        try await failing {
            try await users.create(
                UserDirectory.Draft(login: login, password: password, fullName: fullName, groups: groups))
        }
    }

    public func setPassword(of login: String, to password: String) async throws {
        try await failing { try await users.resetPassword(of: login, to: password) }
    }

    public func remove(_ login: String) async throws { try await failing { try await users.delete(login) } }

    /// All users, in the order in which they were first made.
    public func all() async throws -> [Summary] {
        try await failing {
            try await users.all().map { user in
                Summary(
                    login: user.loginName, fullName: user.fullName, groups: user.groups, isDisabled: user.disabled,
                    hasPassword: user.passwordHash != nil)
            }
        }
    }

    private func failing<T>(_ body: () async throws -> T) async throws -> T {
        do {
            return try await body()
        } catch let failure as UserFailure {
            throw Failure(description: HTTPProblem(failure).detail)
        } catch let denial as AccessDenial {
            throw Failure(description: HTTPProblem(denial).detail)
        } catch let failure as KurrentFailure {
            throw Failure(description: RPCStatus(failure).message)
        }
    }
}
#endif
