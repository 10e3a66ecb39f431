#if Server
import DaybookCore
import Logging

/// A store as a server, which programs in any language use through KurrentDB's clients, or by HTTP and JSON, on one port.
///
/// ```swift
/// let server = try await DaybookServer(store: store, configuration: ServerConfiguration(port: 2113))
/// try await server.run { port in print("Listening on port \(port).") }
/// ```
///
/// Everybody who reaches it may do everything: there is neither TLS nor a list of users yet, so that it listens on the loopback
/// address only.
public final class DaybookServer: Sendable {
    private let configuration: ServerConfiguration
    private let signals: StreamSignals
    private let gossip: GossipService
    private let listener: RPCListener

    /// - Throws: ``ServerError`` when the address is not a loopback address; `ReadError` when the store cannot be read.
    /// - Complexity: O(deletions ever made of streams), which are looked up.
    public init(
        store: any EventStore, configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "daybook.server")
    ) async throws {
        guard ["127.0.0.1", "::1", "localhost"].contains(configuration.host) else {
            throw ServerError.notLoopback(host: configuration.host)
        }
        self.configuration = configuration
        let log = try await KurrentLog.open(store)
        signals = StreamSignals(store: store)
        gossip = GossipService(
            advertised: .init(
                host: configuration.advertisedHost ?? configuration.host, port: configuration.port))
        var routes = StreamsService(log: log, signals: signals).routes
        routes.merge(gossip.routes) { first, _ in first }
        routes.merge(ServerFeaturesService(paths: Array(routes.keys)).routes) { first, _ in first }
        let http = HTTPConnections(
            api: HTTPAPI(log: log, configuration: configuration, logger: logger), logger: logger)
        listener = RPCListener(routes: routes, http: http, logger: logger)
    }

    /// Serves until its task is cancelled; then every open call is ended, and every connection told.
    ///
    /// - Parameter onListening: Told the port, once calls are taken.
    /// - Throws: What the system says when the address cannot be listened on.
    public func run(onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [signals] in await signals.run() }
            group.addTask { [listener, configuration, gossip] in
                try await listener.run(host: configuration.host, port: configuration.port) { port in
                    gossip.advertise(port: port)
                    onListening(port)
                }
            }
            defer { group.cancelAll() }
            try await group.next()
            group.cancelAll()
            while try await group.next() != nil {}
        }
    }
}
#endif
