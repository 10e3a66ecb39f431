#if Server
import Foundation
import Logging
import NIOCore
import NIOExtras
import NIOPosix
import NIOSSL
import Synchronization

/// Listens for connections, and has the calls of those that speak HTTP/2 answered; those that speak HTTP/1.1 are for
/// ``HTTPConnections``.
///
/// Clients that know that the server speaks HTTP/2, or have agreed on it by TLS, begin with its preface at once (RFC 9113,
/// section 3.4), so that one port serves both (``ProtocolSelector``), with TLS and without.
final class RPCListener: Sendable {
    private let routes: RPCRoutes
    private let limits: RPCLimits
    private let http: HTTPConnections
    /// Nil where connections are not encrypted.
    private let tls: TLSCredentials?
    private let meter: ConnectionMeter
    private let logger: Logger
    private let callLogger: Logger?
    private let group: MultiThreadedEventLoopGroup
    private let executors: [ObjectIdentifier: EventLoopExecutor]
    private let calls = RPCCalls()
    private let memory: RPCMemory
    private let plainRequests = SeldomNote()
    private let mostConnections: Int
    private let connections = Mutex<[ObjectIdentifier: any Channel]>([:])

    /// - Parameter callLogger: Logs calls that have ended; nil for none.
    init(
        routes: RPCRoutes, http: HTTPConnections, tls: TLSCredentials? = nil, limits: RPCLimits = RPCLimits(),
        meter: ConnectionMeter = ConnectionMeter(), logger: Logger = Logger(label: "daybook.server"),
        callLogger: Logger? = nil
    ) {
        self.routes = routes
        self.http = http
        self.tls = tls
        self.limits = limits
        self.meter = meter
        self.logger = logger
        self.callLogger = callLogger
        memory = RPCMemory(limit: limits.bytesHeld, holder: "the server")
        let most = ConnectionRoom.open(wanted: limits.connections, left: limits.descriptorsLeft)
        if most < limits.connections {
            logger.warning(
                "The system lets the process have fewer connections than it could: raise its limit of open files.",
                metadata: ["connections": "\(most)", "limit": "\(limits.connections)"])
        }
        mostConnections = most
        group = .singleton
        executors = Dictionary(
            uniqueKeysWithValues: group.makeIterator().map { (ObjectIdentifier($0), EventLoopExecutor($0)) })
    }

    /// Answers calls until its task is cancelled; then open calls are ended, connections told, and after
    /// ``RPCLimits/graceTime`` closed.
    ///
    /// - Parameter onListening: Told the port, which differs from the one asked for when that is 0.
    func run(host: String, port: Int, onListening: @Sendable (Int) -> Void) async throws {
        let quiescing = ServerQuiescingHelper(group: group)
        let serving = http.start()
        calls.start()
        let listener: any Channel
        do { listener = try await bind(host: host, port: port, quiescing) } catch {
            http.finish()
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) }
            throw ServerError.cannotListen(host: host, port: port, reason: reason ?? "\(error)")
        }
        onListening(listener.localAddress?.port ?? port)
        await withTaskCancellationHandler {
            try? await listener.closeFuture.get()
        } onCancel: {
            // Closes the listener, too: of one that is closed already the helper says at once that all has ended.
            quiescing.initiateShutdown(promise: nil)
        }
        calls.shutDown()
        http.shutDown()
        // A client that answers nothing would keep its connection open for ever.
        let closing = group.any().scheduleTask(in: limits.graceTime) { [self] in
            for connection in connections.withLock({ Array($0.values) }) { connection.close(promise: nil) }
        }
        let ended = group.any().makePromise(of: Void.self)
        quiescing.initiateShutdown(promise: ended)
        try? await ended.futureResult.get()
        for connection in connections.withLock({ Array($0.values) }) { try? await connection.closeFuture.get() }
        closing.cancel()
        http.finish()
        await serving.value
        guard Task.isCancelled else { throw ListenerClosed() }
    }

    private func bind(host: String, port: Int, _ quiescing: ServerQuiescingHelper) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Else a connection that there is no descriptor for is tried again without a pause.
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptBackoffHandler(shouldForwardIOErrorCaught: false))
                    try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel) }
            }
            .bind(host: host, port: port).get()
    }

    /// The listening socket closed though nobody asked for it.
    struct ListenerClosed: Error, CustomStringConvertible {
        var description: String { "The server's listening socket has closed: start the server again." }
    }

    private struct TooManyConnections: Error {}

    private func configure(_ channel: any Channel) throws {
        let identifier = ObjectIdentifier(channel)
        let isAdmitted = connections.withLock { connections in
            guard connections.count < mostConnections else { return false }
            connections[identifier] = channel
            return true
        }
        guard isAdmitted else {
            meter.refused.add()
            logger.warning("A connection was refused.", metadata: ["limit": "\(mostConnections)"])
            throw TooManyConnections()
        }
        meter.accepted.add()
        channel.closeFuture.whenComplete { [self] _ in _ = connections.withLock { $0.removeValue(forKey: identifier) } }
        if let tls {
            try channel.pipeline.syncOperations.addHandler(
                PlainRequestHandler { [plainRequests, logger] channel in
                    guard let count = plainRequests.count() else { return }
                    logger.notice(
                        "A client spoke plain HTTP to the port, which has TLS, and was told so.",
                        metadata: ["address": "\(RPCPeer(of: channel).address)", "count": .stringConvertible(count)])
                })
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context))
        }
        try channel.pipeline.syncOperations.addHandler(
            ProtocolSelector(patience: limits.firstBytesTime) { [self] choice, channel in
                let open = meter[choice]
                open.add()
                channel.closeFuture.whenComplete { _ in open.subtract() }
                switch choice {
                case .http1: try http.accept(channel, executor: executor(of: channel))
                case .http2: try configureHTTP2(channel)
                }
            })
    }

    private func executor(of channel: any Channel) -> EventLoopExecutor {
        executors[ObjectIdentifier(channel.eventLoop)] ?? EventLoopExecutor(channel.eventLoop)
    }

    private func configureHTTP2(_ channel: any Channel) throws {
        let services = RPCServices(
            routes: routes, executor: executor(of: channel), calls: calls, limits: limits, logger: logger,
            callLogger: callLogger)
        let memory = RPCMemory(limit: limits.bytesPerConnection, of: memory, holder: "the connection")
        try channel.pipeline.syncOperations.addHandler(
            RPCConnection(services: services, peer: RPCPeer(of: channel), memory: memory))
    }
}
#endif
