import DaybookProtocol

#if Client
import DaybookClient
#endif

/// The users that a store has for its server, in its file or at the server.
protocol StoreUsers: Sendable {
    /// In the order in which they were first made.
    func all() async throws -> [UserSummary]
    func add(_ user: UserRequest) async throws
    func setPassword(of login: String, to password: String) async throws
    func remove(_ login: String) async throws
}

extension StoreArgument {
    /// Does something with the users of the store.
    ///
    /// - Parameter creates: Whether a missing file is made.
    func withUsers<Result>(
        creates: Bool = false, _ body: (any StoreUsers) async throws -> Result
    ) async throws -> Result {
        guard !isOnServer else {
            #if Client
            return try await address.withClient(options.login, isUser: false) { client in
                try await body(UsersOfServer(operations: client.operations))
            }
            #else
            throw StoreAddress.withoutClient
            #endif
        }
        #if Server
        return try await withFile(creates: creates) { file in try await body(try await UsersOfFile(store: file)) }
        #else
        throw CommandFailure(
            .usage,
            "This daybook was built without the server, which makes passwords into what may be stored: build it by 'swift build "
                + "--traits Server', or name a server that runs, --server daybook://HOST:PORT.")
        #endif
    }
}
