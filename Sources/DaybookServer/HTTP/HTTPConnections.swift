#if Server
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// The connections of a server that speak HTTP/1.1: accepted by ``RPCListener``, served by Hummingbird's `HTTP1Channel`, each by
/// a task on its event loop.
final class HTTPConnections: Sendable {
    private struct Accepted: Sendable {
        let connection: HTTP1Channel.Value
        let executor: EventLoopExecutor
    }

    private let http1: HTTP1Channel
    private let shutdown: HTTPShutdown
    private let peers: HTTPPeers
    private let logger: Logger
    /// Where accepted connections go to be served; there while the server runs. No more wait than the listener admits.
    private let accepted = Mutex<AsyncStream<Accepted>.Continuation?>(nil)

    init(
        api: HTTPAPI, limits: HTTPLimits = HTTPLimits(), logger: Logger = Logger(label: "daybook.server"),
        callLogger: Logger? = nil
    ) {
        shutdown = api.shutdown
        self.logger = logger
        let peers = HTTPPeers()
        self.peers = peers
        http1 = HTTP1Channel(
            responder: { (request, writer: consuming ResponseWriter, channel) in
                let peer = peers[channel]
                guard let callLogger else {
                    let response = try await api.respond(to: request, on: channel, peer: peer)
                    return try await writer.write(response: response.head, body: response.body)
                }
                let record = CallRecord(
                    "\(request.method) \(request.uri.path)", from: peer.address, logger: callLogger)
                // Where nothing else is said of it the client has gone, or what it sent was no HTTP.
                defer { record.end("broken off") }
                let response = try await api.respond(to: request, on: channel, peer: peer, record: record)
                record.received(request.headers[.contentLength].flatMap { Int($0) } ?? 0)
                let body = response.body.counted(for: record)
                try await writer.write(response: response.head, body: body)
                record.end("\(response.status.code)")
            },
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [
                    HTTPParserErrorHandler(),
                    HTTPSlowClients(bodyTime: limits.bodyTime, unreadTime: limits.unreadTime),
                ],
                idleTimeout: limits.idleTime,
                httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                    maxHeaderFieldSize: limits.headerFieldBytes, maxHeaderListSize: limits.headerBytes,
                    maxHeaderFieldCount: limits.headerFields)))
    }

    /// Sets up the pipeline of a connection, and serves it from then on. To be called on its event loop.
    func accept(_ channel: any Channel, executor: EventLoopExecutor) throws {
        // A client may say that it sends nothing more, and wait for the answer.
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        peers.insert(RPCPeer(of: channel), of: channel)
        guard let accepted = accepted.withLock({ $0 }) else { return channel.close(promise: nil) }
        http1.setup(channel: channel, logger: logger).whenComplete { result in
            switch result {
            case .success(let connection):
                accepted.yield(Accepted(connection: connection, executor: executor))
            case .failure: channel.close(promise: nil)
            }
        }
    }

    /// Serves what is accepted from now on, until ``finish()`` and all of it has closed.
    ///
    /// The task is no part of the caller's: requests that are being answered when that is cancelled are answered to their end.
    func start() -> Task<Void, Never> {
        shutdown.reset()
        let (stream, continuation) = AsyncStream<Accepted>.makeStream()
        accepted.withLock { $0 = continuation }
        return Task { [http1, logger] in
            await withDiscardingTaskGroup { group in
                for await next in stream {
                    group.addTask(executorPreference: next.executor) {
                        await http1.handle(value: next.connection, logger: logger)
                    }
                }
            }
        }
    }

    /// Ends the answers that have no end of their own.
    func shutDown() { shutdown.begin() }

    /// Nothing is accepted any more. To be called when every connection is closed: one that nobody serves stops the program.
    func finish() {
        let continuation = accepted.withLock { accepted in
            defer { accepted = nil }
            return accepted
        }
        continuation?.finish()
    }
}
#endif
