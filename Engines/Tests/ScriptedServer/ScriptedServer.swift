import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An HTTP server on loopback that answers as a test says, and remembers what it was asked.
public final class ScriptedServer: Sendable {
    public struct Request: Sendable {
        public var method: String
        public var uri: String
        public var headers: HTTPHeaders
        public var body: [UInt8]

        public var text: String { String(decoding: body, as: UTF8.self) }
    }

    public enum Response: Sendable {
        case status(Int, headers: [String: String] = [:], body: [UInt8] = [])
        /// The connection closes without an answer.
        case drop
        /// Half an answer, and the connection closes.
        case half
    }

    struct State {
        var requests: [Request] = []
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    public let port: Int
    private let listener: any Channel
    private let shared: Shared

    final class Shared: Sendable {
        let state = Mutex(State())
        private let script: @Sendable (Request) async -> Response

        init(script: @escaping @Sendable (Request) async -> Response) { self.script = script }

        func answer(_ request: Request) async -> Response {
            state.withLock { $0.requests.append(request) }
            return await script(request)
        }

        func add(_ channel: any Channel) {
            state.withLock { $0.channels[ObjectIdentifier(channel)] = channel }
            channel.closeFuture.whenComplete { _ in
                _ = self.state.withLock { $0.channels.removeValue(forKey: ObjectIdentifier(channel)) }
            }
        }
    }

    public init(port: Int = 0, answer: @escaping @Sendable (Request) async -> Response) async throws {
        let shared = Shared(script: answer)
        self.shared = shared
        listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                shared.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(shared: shared))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        self.port = listener.localAddress?.port ?? 0
    }

    public var requests: [Request] { shared.state.withLock(\.requests) }

    /// Closes every connection too.
    public func stop() async {
        try? await listener.close()
        for channel in shared.state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let shared: Shared
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(shared: Shared) { self.shared = shared }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part): body += Array(part.readableBytesView)
            case .end:
                guard let head else { return }
                let request = Request(method: "\(head.method)", uri: head.uri, headers: head.headers, body: body)
                let promise = context.eventLoop.makePromise(of: Response.self)
                let channel = context.channel
                promise.completeWithTask { [shared] in await shared.answer(request) }
                promise.futureResult.whenSuccess { Self.write($0, to: channel) }
            }
        }

        static func write(_ response: Response, to channel: any Channel) {
            switch response {
            case .drop: channel.close(promise: nil)
            case .half:
                let head = HTTPResponseHead(
                    version: .http1_1, status: .ok, headers: ["Content-Length": "1000000"])
                channel.write(HTTPServerResponsePart.head(head), promise: nil)
                channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: "{")))).whenComplete {
                    _ in channel.close(promise: nil)
                }
            case .status(let status, let headers, let body):
                var head = HTTPResponseHead(version: .http1_1, status: HTTPResponseStatus(statusCode: status))
                for (name, value) in headers { head.headers.add(name: name, value: value) }
                if status != 204, status != 304 {
                    head.headers.add(name: "Content-Length", value: "\(body.count)")
                }
                channel.write(HTTPServerResponsePart.head(head), promise: nil)
                if !body.isEmpty {
                    channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
                }
                channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
            }
        }
    }
}
