#if Webhook
import Daybook
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Listens, counts connections, and owns what is done with each request.
final class WebhookServer: Sendable {
    private struct State {
        var connections: [ObjectIdentifier: any Channel] = [:]
        var requests: [Int: Task<Void, Never>] = [:]
        var nextRequest = 0
        var isEnding = false
    }

    let gate: WebhookGate
    private let take: @Sendable (ReceivedBatch) async throws -> Void
    private let state = Mutex(State())
    /// What is counted of the bodies under way.
    private let bodyBytesInFlight = Mutex(0)
    /// The requests with events so far.
    private let batches = Atomic(0)

    init(gate: WebhookGate, take: @escaping @Sendable (ReceivedBatch) async throws -> Void) {
        self.gate = gate
        self.take = take
    }

    func run(host: String, port: Int, onListening: (Int) -> Void) async throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = gate.policy.headerBytes
        limits.maxHeaderListSize = gate.policy.headerBytes
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [self, limits] channel in
                guard admit(channel) else {
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(WebhookRefusalHandler())
                    }
                }
                channel.closeFuture.whenComplete { [self] _ in forget(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(
                        withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
                    try pipeline.addHandler(WebhookRequestHandler(server: self))
                }
            }
            .bind(host: host, port: port).get()
        onListening(listener.localAddress?.port ?? port)
        await withTaskCancellationHandler {
            try? await listener.closeFuture.get()
        } onCancel: {
            listener.close(mode: .all, promise: nil)
        }
        await end()
        guard Task.isCancelled else { throw ListenerClosed() }
    }

    /// The listening socket closed though nobody asked for it.
    struct ListenerClosed: Error, CustomStringConvertible {
        var description: String { "The webhook's listening socket has closed: run the source again." }
    }

    /// Cancels what is in hand, waits until it is answered, and closes the connections.
    private func end() async {
        let requests = state.withLock { state in
            state.isEnding = true
            return Array(state.requests.values)
        }
        for request in requests { request.cancel() }
        for request in requests { await request.value }
        let connections = state.withLock { Array($0.connections.values) }
        for connection in connections { try? await connection.close() }
    }

    /// Starts what is done with a request. The server owns it: it waits for it before it ends.
    ///
    /// - Returns: Stops it; nil when the server is ending.
    func start(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never>? {
        state.withLock { state in
            guard !state.isEnding else { return nil }
            let number = state.nextRequest
            state.nextRequest += 1
            let task = Task {
                await work()
                self.state.withLock { $0.requests[number] = nil }
            }
            state.requests[number] = task
            return task
        }
    }

    /// Answers a whole request.
    func reply(head: HTTPRequestHead, body: [UInt8]) async -> WebhookReply {
        switch gate.events(head: head, body: body) {
        case .failure(let failure): return failure.reply
        case .success(let messages) where messages.isEmpty: return WebhookReply(status: .noContent)
        case .success(let messages):
            do {
                // Requests are taken at once, so that each is a lane.
                let number = batches.wrappingAdd(1, ordering: .relaxed).newValue
                try await take(ReceivedBatch(lane: "\(gate.path)#\(number)", messages: messages))
                return WebhookReply(status: .noContent)
            } catch { return unavailable }
        }
    }

    var unavailable: WebhookReply {
        let seconds = gate.policy.retryAfter.components.seconds
        return WebhookReply(status: .serviceUnavailable, headers: ["Retry-After": "\(max(1, seconds))"])
    }

    /// Counts further bytes of a body.
    ///
    /// - Returns: Whether there is room for them; nothing is counted when there is none.
    func reserve(_ bytes: Int) -> Bool {
        bodyBytesInFlight.withLock { total in
            guard total + bytes <= gate.policy.bodyBytesInFlight else { return false }
            total += bytes
            return true
        }
    }

    /// Counts bytes no more whose body is done with.
    func release(_ bytes: Int) { bodyBytesInFlight.withLock { $0 -= bytes } }

    private func admit(_ channel: any Channel) -> Bool {
        state.withLock { state in
            guard !state.isEnding, state.connections.count < gate.policy.connections else { return false }
            state.connections[ObjectIdentifier(channel)] = channel
            return true
        }
    }

    private func forget(_ channel: any Channel) {
        _ = state.withLock { $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }
}
#endif
