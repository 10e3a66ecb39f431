#if Client
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// Has the connection to the server, and makes a new one when it is needed: whoever wants one waits, and the attempts go on,
/// further and further apart, as long as somebody does.
final class Connector: Sendable {
    private typealias Outcome = Result<ClientConnection, CallFailure>

    private struct Waiter {
        let continuation: CheckedContinuation<Outcome, Never>
        var timer: Scheduled<Void>?

        func resume(_ outcome: Outcome) {
            timer?.cancel()
            continuation.resume(returning: outcome)
        }
    }

    private enum Phase {
        case idle
        case connecting(Int)
        case connected(ClientConnection)
        case closed
    }

    private struct State {
        var phase = Phase.idle
        var attempts = 0
        /// Attempts in a row that led to no connection.
        var failures = 0
        /// Why the last attempt failed.
        var reason = "no connection was made"
        /// What went wrong first in the attempt that is being made.
        var trouble: String?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0

        mutating func takeWaiters() -> [Waiter] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }

        mutating func beginAttempt() -> Int {
            attempts += 1
            trouble = nil
            phase = .connecting(attempts)
            return attempts
        }
    }

    private enum Step {
        case answer(Outcome)
        case connect(Int, failures: Int)
        case wait
    }

    private let address: ServerAddress
    private let configuration: ClientConfiguration
    private let tls: NIOSSLContext?
    private let loop: any EventLoop
    private let backoff: Backoff
    private let state = Mutex(State())
    private let onLoss: @Sendable () -> Void

    /// - Parameter onLoss: Called when a connection has ended.
    init(
        address: ServerAddress, configuration: ClientConfiguration, onLoss: @escaping @Sendable () -> Void
    ) throws(ClientError) {
        self.address = address
        self.configuration = configuration
        self.onLoss = onLoss
        tls = try address.usesTLS ? ClientTLS.context(configuration) : nil
        loop = MultiThreadedEventLoopGroup.singleton.next()
        backoff = Backoff(first: configuration.firstBackoff, longest: configuration.longestBackoff)
    }

    // MARK: - Who wants a connection

    /// The connection, once there is one.
    func connection(by deadline: NIODeadline) async throws(CallFailure) -> ClientConnection {
        let (id, connected) = state.withLock { state -> (Int, ClientConnection?) in
            if case .connected(let connection) = state.phase { return (0, connection) }
            state.nextWaiter += 1
            return (state.nextWaiter, nil)
        }
        if let connected { return connected }
        let outcome: Outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let step = state.withLock { state -> Step in
                    if Task.isCancelled { return .answer(.failure(Self.cancelled)) }
                    switch state.phase {
                    case .connected(let connection): return .answer(.success(connection))
                    case .closed: return .answer(.failure(Self.closed))
                    case .connecting:
                        state.waiters[id] = Waiter(continuation: continuation)
                        return .wait
                    case .idle:
                        state.waiters[id] = Waiter(continuation: continuation)
                        return .connect(state.beginAttempt(), failures: state.failures)
                    }
                }
                switch step {
                case .answer(let outcome): return continuation.resume(returning: outcome)
                case .connect(let attempt, let failures): connect(attempt, failures: failures)
                case .wait: break
                }
                setTimer(deadline, for: id)
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(.failure(Self.cancelled))
        }
        return try outcome.get()
    }

    private static let cancelled = CallFailure(.cancelled, "the task was cancelled", mayHaveEffect: false)
    private static let closed = CallFailure(.closed, "the client is closed", mayHaveEffect: false)

    private func setTimer(_ deadline: NIODeadline, for id: Int) {
        let timer = loop.scheduleTask(deadline: deadline) { [self] in
            let (waiter, reason) = state.withLock { ($0.waiters.removeValue(forKey: id), $0.reason) }
            waiter?.resume(
                .failure(CallFailure(.timedOut, "there is no connection: \(reason)", mayHaveEffect: false)))
        }
        let isKept = state.withLock { state in
            state.waiters[id]?.timer = timer
            return state.waiters[id] != nil
        }
        if !isKept { timer.cancel() }
    }

    // MARK: - Attempts

    private func connect(_ attempt: Int, failures: Int) {
        guard failures > 0 else { return connect(attempt) }
        loop.scheduleTask(in: TimeAmount(backoff.delay(after: failures))) { [self] in connect(attempt) }
    }

    private func connect(_ attempt: Int) {
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel, attempt) }
            }
            .connect(host: address.host, port: address.port)
            .whenComplete { [self] result in
                switch result {
                case .failure(let error): ended(attempt, "\(error)")
                case .success(let channel):
                    channel.closeFuture.whenComplete { [self] _ in ended(attempt, "the server closed the connection") }
                }
            }
    }

    private func configure(_ channel: any Channel, _ attempt: Int) throws {
        if let tls {
            // A name is told to the server; an address is not one.
            let name = (try? SocketAddress(ipAddress: address.host, port: address.port)) == nil ? address.host : nil
            try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
        }
        var connection = NIOHTTP2Handler.ConnectionConfiguration()
        connection.initialSettings = [
            HTTP2Setting(parameter: .enablePush, value: 0),
            HTTP2Setting(parameter: .initialWindowSize, value: Self.streamWindowBytes),
            HTTP2Setting(parameter: .maxFrameSize, value: 1 << 17),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 64 << 10),
        ]
        connection.targetWindowSize = Self.connectionWindowBytes
        // Answers to calls that were given up come late, and are no fault of the server's.
        connection.maximumRecentlyResetStreams = 1_000
        connection.maximumConnectionGlitches = 10_000
        var stream = NIOHTTP2Handler.StreamConfiguration()
        stream.targetWindowSize = Self.streamWindowBytes
        // The server ends each call that it refuses early by a reset.
        stream.streamResetFrameRateLimit.maximumCount = 100_000
        stream.streamErrorRateLimit.maximumCount = 100_000
        let multiplexer = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
            mode: .client, connectionConfiguration: connection, streamConfiguration: stream
        ) { pushed in
            pushed.close()
        }
        let made = ClientConnection(
            number: attempt, channel: channel, multiplexer: multiplexer, address: address,
            credentials: configuration.credentials, openCalls: max(configuration.openCalls, 2),
            callsInAll: configuration.callsPerConnection, onLastCall: { [self] in retire($0) })
        try channel.pipeline.syncOperations.addHandler(
            ConnectionHandler(
                beginning: TimeAmount(configuration.connectTimeout),
                interval: TimeAmount(configuration.keepAliveInterval),
                patience: TimeAmount(configuration.keepAliveTimeout),
                onReady: { [self] in ready(made) }, onGoAway: { [self] in retire(made) },
                onError: { [self] error in note(error, attempt) }))
    }

    /// What the server may send of one answer before the client has taken it.
    private static let streamWindowBytes = 4 << 20
    /// The same for all answers of a connection together.
    private static let connectionWindowBytes = 16 << 20

    private func ready(_ connection: ClientConnection) {
        let waiters = state.withLock { state -> [Waiter]? in
            guard case .connecting(connection.number) = state.phase else { return nil }
            state.phase = .connected(connection)
            state.failures = 0
            return state.takeWaiters()
        }
        guard let waiters else { return connection.closeNow() }
        for waiter in waiters { waiter.resume(.success(connection)) }
    }

    /// The connection will close, and not tell why: with TLS it is the certificates as a rule.
    private func note(_ error: any Error, _ attempt: Int) {
        state.withLock { state in
            if case .connecting(attempt) = state.phase, state.trouble == nil { state.trouble = "\(error)" }
        }
    }

    /// The server wants no further calls on the connection, or it has carried as many as it can.
    private func retire(_ connection: ClientConnection) {
        state.withLock { state in
            if case .connected(let current) = state.phase, current.number == connection.number { state.phase = .idle }
        }
        onLoss()
        connection.drain()
    }

    private func ended(_ attempt: Int, _ reason: String) {
        let (lost, next) = state.withLock { state -> (ClientConnection?, (Int, failures: Int)?) in
            switch state.phase {
            case .connected(let connection) where connection.number == attempt:
                state.phase = .idle
                return (connection, nil)
            case .connecting(attempt):
                state.failures += 1
                state.reason = state.trouble ?? reason
                state.phase = .idle
                guard !state.waiters.isEmpty else { return (nil, nil) }
                return (nil, (state.beginAttempt(), failures: state.failures))
            default: return (nil, nil)
            }
        }
        if let lost {
            onLoss()
            lost.lost()
        }
        if let next { connect(next.0, failures: next.failures) }
    }

    // MARK: - The end

    /// Refuses what comes from now on, and lets open calls end, for some time.
    func close(within patience: TimeAmount) async {
        guard let connection = shut() else { return }
        await connection.close(within: patience)
    }

    /// The same at once.
    func closeNow() { shut()?.closeNow() }

    private func shut() -> ClientConnection? {
        let (connection, waiters) = state.withLock { state -> (ClientConnection?, [Waiter]) in
            defer { state.phase = .closed }
            if case .connected(let connection) = state.phase { return (connection, state.takeWaiters()) }
            return (nil, state.takeWaiters())
        }
        for waiter in waiters { waiter.resume(.failure(Self.closed)) }
        return connection
    }
}
#endif
