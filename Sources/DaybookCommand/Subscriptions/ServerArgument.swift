import ArgumentParser

#if Client
import DaybookClient
import DaybookProtocol
#endif

/// The server that a verb asks, for verbs to which a file means nothing.
struct ServerArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The server: daybook://HOST:PORT.", valueName: "server"),
        transform: StoreAddress.fileOrServer(_:))
    var address: StoreAddress
    /// Only told of here: ``ServerInPlace`` has put it into the place of the address.
    @Option(help: "The same, wherever it stands: daybook://HOST:PORT, with ?tls=false without TLS.")
    var server: String?
    @OptionGroup var options: ServerOptions

    func validate() throws {
        guard address.server != nil else {
            throw ValidationError(
                "Groups of consumers run on a server, and '\(address)' is a file: name the server, daybook://HOST:PORT. How far "
                    + "they were when it ran is told by 'daybook health FILE'.")
        }
    }

    #if Client
    /// Asks the server something as one of its operators.
    func ask<Result>(_ body: (ServerOperations) async throws -> Result) async throws -> Result {
        try await address.withClient(options.login, isUser: false) { (client) async throws -> Result in
            do { return try await body(client.operations) } catch let failure as OperationFailure {
                throw CommandFailure(failure)
            }
        }
    }
    #endif
}
