#if Server
import DaybookCore
import Foundation
import Logging

/// A store as a server, which programs in any language use through KurrentDB's clients, or by HTTP and JSON, and programs in Swift
/// as a store (`DaybookClient`), on one port.
///
/// ```swift
/// let server = try await DaybookServer(store: store, configuration: ServerConfiguration(port: 2113))
/// try await server.run { port in print("Listening on port \(port).") }
/// ```
///
/// With a certificate it asks who calls, and users may do what their roles, the access lists of streams and its own rules allow.
/// Without one everybody who reaches it may do everything, so that it listens on loopback addresses only.
public final class DaybookServer: Sendable {
    private let configuration: ServerConfiguration
    private let signals: StreamSignals
    private let gossip: GossipService
    private let subscriptions: PersistentSubscriptions
    private let scavenges: Scavenges?
    private let shutdown = StopSignal()
    private let listener: RPCListener
    private let users: UserDirectory
    private let accessChanges: AccessChanges
    private let store: any EventStore
    private let founding = FoundingToken()
    private let tls: TLSCredentials?
    private let tokens: TokenVerifier?
    private let asksWhoCalls: Bool
    private let logger: Logger

    /// - Parameter store: Keeps the checkpoints of groups of consumers beside the log: in the log they would fill it.
    /// - Throws: ``ServerError`` when the address is not a loopback address and there is no certificate, or a file cannot be
    ///   used; `ReadError` when the store cannot be read.
    /// - Complexity: O(deletions ever made of streams), which are looked up.
    public init(
        store: any EventStore & CheckpointStore, configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "daybook.server")
    ) async throws {
        guard configuration.tls != nil || ["127.0.0.1", "::1", "localhost"].contains(configuration.host) else {
            throw ServerError.notLoopback(host: configuration.host)
        }
        self.configuration = configuration
        self.logger = logger
        asksWhoCalls = configuration.asksWhoCalls || configuration.tls != nil
        tls = try configuration.tls.map { try TLSCredentials($0) }
        let log = try await KurrentLog.open(store)
        let passwords = PasswordHasher()
        accessChanges = log.accessChanges
        self.store = store
        users = UserDirectory(log: log, passwords: passwords, founding: founding)
        var tokens: TokenVerifier?
        if asksWhoCalls, let authority = configuration.tokens { tokens = try await TokenVerifier(authority) }
        self.tokens = tokens
        var gate: AccessGate?
        if asksWhoCalls {
            let control = AccessControl(
                log: log, users: users,
                authenticator: Authenticator(
                    users: users, passwords: passwords, founding: founding, tokens: tokens),
                rules: try Self.rules(configuration.accessRules),
                records: AccessRecords(access: logger, audit: logger, audited: configuration.auditedCategories))
            gate = AccessGate(control: control)
        }
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
            UsersService(users: users).routes,
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
            api: HTTPAPI(log: log, configuration: configuration, users: users, gate: gate, logger: logger),
            logger: logger)
        listener = RPCListener(routes: gate?.guarding(routes) ?? routes, http: http, tls: tls, logger: logger)
    }

    private static func rules(_ file: String?) throws -> [AccessRule] {
        guard let file else { return [] }
        do {
            return try AccessRule.list(in: try Data(contentsOf: URL(fileURLWithPath: file)))
        } catch {
            throw ServerError.unreadableRules(file: file, reason: "\(error)")
        }
    }

    /// A token with which somebody can make the first user, who is an admin: `POST /v1/users` takes it. Each call makes
    /// another, and ends the one before; it ends, too, as soon as there is a user.
    ///
    /// - Returns: Nil when there are users, or nobody is asked who calls.
    public func foundingToken() async throws -> String? {
        guard asksWhoCalls, try await users.isEmpty() else { return nil }
        return founding.issue()
    }

    /// Reads the certificate again; without a call it is read when its file has changed. Open connections stay as they are.
    ///
    /// - Throws: ``ServerError`` when it cannot be used; the one before is used on.
    public func reloadCertificate() throws { try tls?.reload() }

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
            if asksWhoCalls {
                group.addTask { [accessChanges, store] in await accessChanges.follow(store) }
            }
            if let tls { group.addTask { [logger] in await tls.run(logger) } }
            if let tokens {
                group.addTask { [logger, accessChanges] in await tokens.run(logger, changes: accessChanges) }
            }
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
