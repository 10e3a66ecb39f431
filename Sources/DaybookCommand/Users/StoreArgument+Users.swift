#if Server
import DaybookServer

extension StoreArgument {
    /// Opens the store, does something with the users of its server, and closes it.
    func withUsers<Result>(
        creates: Bool = false, _ body: (ServerUsers) async throws -> Result
    ) async throws -> Result {
        try await withFile(creates: creates) { file in
            do {
                return try await body(try await ServerUsers(store: file))
            } catch let failure as ServerUsers.Failure {
                throw CommandFailure(.refused, failure.description)
            }
        }
    }
}
#endif
