#if Server
import DaybookCore
import Logging

/// A store as a server, which programs in any language use through KurrentDB's clients, or by HTTP and JSON, and programs in Swift
/// as a store (`DaybookClient`), on one port.
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
    private let subscriptions: PersistentSubscriptions
    private let scavenges: Scavenges?
    private let shutdown = StopSignal()
    private let listener: RPCListener

    /// - Parameter store: Keeps the checkpoints of groups of consumers beside the log: in the log they would fill it.
    /// - Throws: ``ServerError`` when the address is not a loopback address; `ReadError` when the store cannot be read.
    /// - Complexity: O(deletions ever made of streams), which are looked up.
    public init(
        store: any EventStore & CheckpointStore, configuration: ServerConfiguration = ServerConfiguration(),
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
        subscriptions = try await PersistentSubscriptions.open(
            log: log, signals: signals, checkpoints: store, logger: logger)
        scavenges = configuration.scavenge.map { scavenge in
            Scavenges({ try await log.scavenge(by: scavenge) }, logger: logger)
        }
        let operations = OperationsService(
            scavenges: scavenges, shutdown: shutdown, subscriptions: subscriptions)
        var routes = StreamsService(log: log, signals: signals).routes
        for more in [
            StreamsV2Service(log: log).routes, PersistentSubscriptionsService(subscriptions: subscriptions).routes,
            gossip.routes, operations.routes, MonitoringService(store: store).routes,
        ] {
            routes.merge(more) { first, _ in first }
        }
        routes.merge(ServerFeaturesService(paths: Array(routes.keys)).routes) { first, _ in first }
        // Of no concern to clients of KurrentDB.
        routes.merge(StoreService(log: log).routes) { first, _ in first }
        // Not announced: clients look for another way, or tell their users what is said here.
        for missing in [operations.missing, ProjectionsService().missing] {
            routes.merge(missing) { first, _ in first }
        }
        let http = HTTPConnections(
            api: HTTPAPI(log: log, configuration: configuration, logger: logger), logger: logger)
        listener = RPCListener(routes: routes, http: http, logger: logger)
    }

    /// Serves until its task is cancelled, or a client asks the server to shut down, which it does once; then every open call is
    /// ended, and every connection told.
    ///
    /// - Parameter onListening: Told the port, once calls are taken.
    /// - Throws: What the system says when the address cannot be listened on.
    public func run(onListening: @escaping @Sendable (_ port: Int) -> Void = { _ in }) async throws {
        do {
            try await serve(onListening)
        } catch {
            await scavenges?.end()
            throw error
        }
        await scavenges?.end()
    }

    private func serve(_ onListening: @escaping @Sendable (_ port: Int) -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [signals] in await signals.run() }
            group.addTask { [subscriptions] in await subscriptions.run() }
            group.addTask { [shutdown] in await shutdown.wait() }
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
