import ArgumentParser
import DaybookCore

#if Client
import DaybookClient
import DaybookProtocol
#endif

extension StoreAddress {
    /// What is said where a server's address is, and no client of servers was built in.
    static let withoutClient = CommandFailure(
        .usage, "This daybook was built without the client of servers: build it by 'swift build --traits Client'.")

    /// Does something with the store of a server, and ends the connection, whatever happened.
    func withServer<Result>(
        _ login: ServerLogin, _ body: (any EventStore) async throws -> Result
    ) async throws -> Result {
        #if Client
        return try await withClient(login) { try await body($0) }
        #else
        throw Self.withoutClient
        #endif
    }

    #if Client
    /// How long it may take until a server has answered for the first time.
    private static let greetingTime = Duration.seconds(10)

    /// The same with all that a client of a server can do.
    ///
    /// - Parameter isUser: Whether it ends at once when the server does not know who asks. What operators ask is told so by
    ///   itself, and who has the token for the first user may ask nothing else.
    func withClient<Result>(
        _ login: ServerLogin, isUser: Bool = true, _ body: (DaybookClient) async throws -> Result
    ) async throws -> Result {
        guard let server else {
            throw CommandFailure(.usage, "'\(self)' is no server of Daybook: name one, daybook://HOST:PORT.")
        }
        var configuration = ClientConfiguration()
        configuration.trustedCertificates = login.trustedCertificates
        if !namesUser(server) {
            configuration.credentials = try login.credentials(at: description)
        } else if login.isGivenByOptions {
            throw CommandFailure(
                .usage, "Say once who asks: in the address, or by --user or --token-file.")
        }
        let client: DaybookClient
        do throws(ClientError) {
            client = try DaybookClient.connect(to: server, configuration: configuration)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
        return try await closing(client.close) { () async throws -> Result in
            do throws(OperationFailure) {
                try await client.operations.greet(within: Self.greetingTime)
            } catch {
                if isUser || error.code != .denied { throw CommandFailure(error) }
            }
            return try await body(client)
        }
    }

    private func namesUser(_ address: String) -> Bool { address.prefix { $0 != "?" }.contains("@") }
    #endif
}

#if Client
extension CommandFailure {
    init(_ error: OperationFailure) {
        let code: ExitCode =
            switch error.code {
            case .failed, .storageFailed, .cancelled, .closed: .inputOutput
            case .notFound, .exists, .invalid, .unsupported: .refused
            case .denied: .noPermission
            case .busy, .unreachable: .unavailable
            case .damaged: .damageFound
            case .cannotCreate: .cannotCreate
            }
        self.init(code, error.description)
    }
}
#endif
