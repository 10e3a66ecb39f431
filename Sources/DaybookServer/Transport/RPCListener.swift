#if Server
import Logging
import NIOCore
import NIOExtras
import NIOHTTP2
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
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let executors: [ObjectIdentifier: EventLoopExecutor]
    private let calls = RPCCalls()
    private let connections = Mutex(0)

    init(
        routes: RPCRoutes, http: HTTPConnections, tls: TLSCredentials? = nil, limits: RPCLimits = RPCLimits(),
        logger: Logger
    ) {
        self.routes = routes
        self.http = http
        self.tls = tls
        self.limits = limits
        self.logger = logger
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
        let listener: any Channel
        do { listener = try await bind(host: host, port: port, quiescing) } catch {
            http.finish()
            throw error
        }
        onListening(listener.localAddress?.port ?? port)
        await withTaskCancellationHandler {
            try? await listener.closeFuture.get()
        } onCancel: {
            listener.close(promise: nil)
        }
        calls.shutDown()
        let closing = http.shutDown(closingAfter: limits.graceTime, on: group.any())
        let ended = group.any().makePromise(of: Void.self)
        quiescing.initiateShutdown(promise: ended)
        try? await ended.futureResult.get()
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
        let isAdmitted = connections.withLock { count in
            guard count < limits.connections else { return false }
            count += 1
            return true
        }
        guard isAdmitted else {
            logger.warning("A connection was refused.", metadata: ["limit": "\(limits.connections)"])
            throw TooManyConnections()
        }
        channel.closeFuture.whenComplete { [self] _ in connections.withLock { $0 -= 1 } }
        if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context)) }
        try channel.pipeline.syncOperations.addHandler(
            ProtocolSelector(patience: limits.firstBytesTime) { [self] choice, channel in
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
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.callsPerConnection),
            HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headerBytes),
            HTTP2Setting(parameter: .initialWindowSize, value: limits.streamWindowBytes),
            HTTP2Setting(parameter: .maxFrameSize, value: 1 << 16),
        ]
        connection.targetWindowSize = limits.connectionWindowBytes
        connection.controlFrameRateLimit.maximumCount = limits.controlFrames
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = limits.streamWindowBytes
        stream.outboundBufferSizeHighWatermark = 256 << 10
        stream.outboundBufferSizeLowWatermark = 64 << 10
        stream.streamResetFrameRateLimit.maximumCount = limits.resets
        stream.streamErrorRateLimit.maximumCount = limits.resets
        let loop = channel.eventLoop
        let management = NIOHTTP2ServerConnectionManagementHandler(
            eventLoop: loop,
            configuration: .init(
                maxIdleTime: nil, maxAge: nil, maxGraceTime: limits.graceTime,
                keepalive: .init(pingInterval: .seconds(60), ackTimeout: .seconds(20))))
        let peer = RPCPeer(of: channel)
        let executor = self.executor(of: channel)
        _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .server, connectionConfiguration: connection, streamConfiguration: stream,
            streamDelegate: management.http2StreamDelegate
        ) { [routes, calls, limits, logger] stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(
                    RPCCallHandler(
                        routes: routes, executor: executor, calls: calls, peer: peer, messageBytes: limits.messageBytes,
                        logger: logger))
            }
        }
        try channel.pipeline.syncOperations.addHandler(management)
    }
}
#endif
