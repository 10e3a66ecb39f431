#if Server
import DaybookCore
import Logging
import ServiceLifecycle

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
///
/// Calls get spans by the instrument of swift-distributed-tracing that the program has bootstrapped before it makes the server.
///
/// It is a service of swift-service-lifecycle: in a `ServiceGroup` it ends when the group shuts down gracefully.
public final class DaybookServer: Service {
    private let configuration: ServerConfiguration
    private let signals: StreamSignals
    private let gossip: GossipService
    private let subscriptions: PersistentSubscriptions
    private let scavenges: Scavenges?
    private let correlations: CorrelationIndex?
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

    /// - Parameters:
    ///   - store: Keeps the checkpoints of groups of consumers beside the log: in the log they would fill it.
    ///   - accessLogger: Is told of each call when it has ended, at the level `info`; nil for none.
    /// - Throws: ``ServerError`` when the address is not a loopback address and there is no certificate, or a file or folder
    ///   cannot be used; `ReadError` when the store cannot be read.
    /// - Complexity: O(deletions ever made of streams), which are looked up.
    public convenience init(
        store: any EventStore & CheckpointStore, configuration: ServerConfiguration = ServerConfiguration(),
        logger: Logger = Logger(label: "daybook.server"), accessLogger: Logger? = nil
    ) async throws {
        try await self.init(
            store: store, checked: CheckedConfiguration(configuration), logger: logger,
            accessLogger: accessLogger)
    }

    /// The same with what was looked at before there was a store.
    public init(
        store: any EventStore & CheckpointStore, checked: CheckedConfiguration,
        logger: Logger = Logger(label: "daybook.server"), accessLogger: Logger? = nil
    ) async throws {
        let configuration = checked.configuration
        self.configuration = configuration
        self.logger = logger
        asksWhoCalls = checked.asksWhoCalls
        tls = checked.tls
        var correlations: CorrelationIndex?
        if configuration.indexesCorrelations {
            guard let store = store as? any EventStore & ReadModelStore else { throw ServerError.noReadModels }
            correlations = CorrelationIndex(store: store)
        }
        self.correlations = correlations
        let log = try await KurrentLog.open(store, correlations: correlations)
        let limits = configuration.limits
        let passwords = PasswordHasher(limits: limits.access)
        accessChanges = log.accessChanges
        self.store = store
        users = UserDirectory(log: log, passwords: passwords, founding: founding)
        tokens = checked.tokens
        var gate: AccessGate?
        if asksWhoCalls {
            let control = AccessControl(
                log: log, users: users,
                authenticator: Authenticator(
                    users: users, passwords: passwords, founding: founding, tokens: tokens,
                    failures: LoginFailures(
                        limit: limits.access.failuresPerPeer, forgiveness: limits.access.forgiveness,
                        mostPeers: limits.access.peersRemembered),
                    unseen: LoginFailures(
                        limit: limits.access.guessesUnseen, forgiveness: limits.access.unseenForgiveness,
                        mostPeers: limits.access.peersRemembered),
                    verified: VerifiedPasswords(
                        time: limits.access.verifiedTime, most: limits.access.verifiedPasswords)),
                rules: checked.rules,
                records: AccessRecords(logger: logger, audit: try Self.audit(configuration)),
                limits: limits.access)
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
        for more in [
            StoreService(log: log).routes, UserOperations(users: users).routes,
            GroupOperations(subscriptions: subscriptions).routes,
        ] {
            routes.merge(more) { first, _ in first }
        }
        if let store = store as? any StoreUpkeep {
            let upkeep = UpkeepService(store: store, log: log, backupFolder: configuration.backupFolder)
            routes.merge(upkeep.routes) { first, _ in first }
        }
        // Not announced: clients look for another way, or tell their users what is said here.
        for missing in [operations.missing, ProjectionsService().missing] {
            routes.merge(missing) { first, _ in first }
        }
        let tracing = CallTracing.bootstrapped
        let http = HTTPConnections(
            api: HTTPAPI(
                log: log, configuration: configuration, users: users, gate: gate, subscriptions: subscriptions,
                tracing: tracing, limits: limits.http, logger: logger),
            limits: limits.http, logger: logger, callLogger: accessLogger)
        let observer = CallObserver(metrics: log.metrics, tracing: tracing)
        listener = RPCListener(
            routes: observer.observing(gate?.guarding(routes) ?? routes), http: http, tls: tls, limits: limits.rpc,
            meter: log.metrics.connections, logger: logger, callLogger: accessLogger)
    }

    /// - Throws: ``ServerError/unwritableAuditLog(file:reason:)``.
    private static func audit(
        _ configuration: ServerConfiguration
    ) throws(ServerError) -> (streams: AuditedStreams, log: AuditLog)? {
        let streams = AuditedStreams(
            categories: configuration.auditedCategories, patterns: configuration.auditedStreams)
        guard !streams.isEmpty else { return nil }
        guard let file = configuration.auditLog else {
            throw .unwritableAuditLog(file: nil, reason: "no file is named")
        }
        let log = AuditLog(path: file, mostWaiting: configuration.limits.auditReadsWaiting)
        do { try log.check() } catch { throw .unwritableAuditLog(file: file, reason: "\(error)") }
        return (streams, log)
    }

    /// A token with which somebody can make the first user, who is an admin: `POST /v1/users` takes it. Each call makes
    /// another, and ends the one before; it ends, too, as soon as there is a user.
    ///
    /// - Returns: Nil when there are users, or nobody is asked who calls.
    public func foundingToken() async throws -> String? {
        guard asksWhoCalls, try await users.isEmpty() else { return nil }
        return founding.issue()
    }

    /// Reads the certificate again, and says so in the log; without a call it is read when its file has changed. Open connections
    /// stay as they are.
    ///
    /// - Throws: ``ServerError`` when it cannot be used; the one before is used on.
    public func reloadCertificate() throws {
        guard let tls, let files = configuration.tls else {
            return logger.notice("There is no certificate to read again: the server has no TLS.")
        }
        try tls.reload()
        logger.notice("The certificate was read again.", metadata: files.metadata)
    }

    /// The same as ``run(onListening:)``, for a service group.
    public func run() async throws { try await run { _ in } }

    /// Serves until its task is cancelled, its service group shuts down, or a client asks the server to shut down, which it does
    /// once. Then nobody is let in any more; connections are told (GOAWAY), subscriptions end with UNAVAILABLE, server-sent events
    /// end, appends that have begun are answered. What is not done within the limit `shutdown-seconds` is cut off.
    ///
    /// - Parameter onListening: Told the port, once calls are taken.
    /// - Throws: What the system says when the address cannot be listened on.
    public func run(onListening: @escaping @Sendable (_ port: Int) -> Void) async throws {
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
            if let correlations {
                group.addTask { [signals, logger] in await correlations.run(signals, logger) }
            }
            // Returns, too, when the task is cancelled.
            group.addTask { try? await gracefulShutdown() }
            if asksWhoCalls {
                group.addTask { [accessChanges, store, interval = configuration.limits.access.recheckTime] in
                    await accessChanges.follow(store, each: interval)
                }
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
