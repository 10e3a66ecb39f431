#if Server
import ArgumentParser
import DaybookServer
import Foundation

/// `daybook serve`: a store as a server.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a store to programs in any language, through KurrentDB's clients or by HTTP and JSON.",
        discussion: """
            Clients connect by kurrentdb://localhost:2113?tls=false; HTTP is on the same port, and /openapi.json tells \
            what there is. Everybody on this machine may do everything: there \
            are no users and there is no TLS yet, so that it listens on loopback addresses only, and asks for --insecure.

            The server owns the file while it runs. Control-C ends it, and so does a client's call to shut down: open calls are \
            ended, connections told. A client's call to scavenge does what `daybook scavenge` does.

            EXAMPLES
              daybook serve shop.db --insecure
              daybook serve shop.db --insecure --port 0
            """)

    @OptionGroup var store: StoreArgument
    @Option(help: "The loopback address to listen on.") var host = ServerConfiguration().host
    @Option(help: "The port; 0 for any that is free.") var port = ServerConfiguration.defaultPort
    @Flag(help: "Serve without TLS and without users.") var insecure = false

    func validate() throws {
        guard insecure else {
            throw ValidationError(
                "Serving with TLS and users is not possible yet. With --insecure everybody on this machine may do everything."
            )
        }
        guard (0...65_535).contains(port) else {
            throw ValidationError("A port is a number from 0 to 65535, not \(port).")
        }
    }

    func run() async throws {
        try await store.withFile(creates: true) { file in
            let server = try await DaybookServer(
                store: file,
                configuration: ServerConfiguration(
                    host: host, port: port, storeName: URL(fileURLWithPath: store.path).path
                ) { _ = try await file.scavenge() })
            let host = host
            _ = try await runUntilInterrupted {
                try await server.run { port in
                    StandardError.line(
                        "Serving on \(host):\(port). Connect by kurrentdb://localhost:\(port)?tls=false, or see "
                            + "http://localhost:\(port)/openapi.json")
                }
            }
        }
    }
}
#endif
