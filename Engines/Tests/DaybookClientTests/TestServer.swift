import DaybookClient
import DaybookCore
import DaybookServer
import DaybookTesting

/// A store that a server serves, on a port of its own.
struct TestServer: Sendable {
    /// What a server serves here.
    typealias Store = CheckpointStore & EventStore

    struct NeverListened: Error {}

    let port: Int
    private let server: DaybookServer
    private let run: Task<Void, any Error>

    var address: String { Self.address(port) }

    static func address(_ port: some BinaryInteger) -> String { "daybook://127.0.0.1:\(port)?tls=false" }

    static func start(_ store: any Store, port: Int = 0, asksWhoCalls: Bool = false) async throws -> TestServer {
        try await start(store, ServerConfiguration(port: port, asksWhoCalls: asksWhoCalls))
    }

    static func start(_ store: any Store, _ configuration: ServerConfiguration) async throws -> TestServer {
        let server = try await DaybookServer(store: store, configuration: configuration)
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        let run = Task {
            defer { continuation.finish() }
            try await server.run { continuation.yield($0) }
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await run.value
            throw NeverListened()
        }
        return TestServer(port: port, server: server, run: run)
    }

    func reloadCertificate() throws { try server.reloadCertificate() }

    func stop() async {
        run.cancel()
        _ = await run.result
    }

    /// Lets a client of the store be used while a server serves it.
    static func serving(_ store: any Store, _ use: (DaybookClient) async throws -> Void) async throws {
        let server = try await start(store)
        let client = try DaybookClient.connect(to: server.address)
        let failure: (any Error)?
        do {
            try await use(client)
            failure = nil
        } catch { failure = error }
        await client.close()
        await server.stop()
        if let failure { throw failure }
    }
}
