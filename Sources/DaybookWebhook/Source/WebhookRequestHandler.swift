#if Webhook
import NIOCore
import NIOHTTP1

/// Reads the requests of one connection, one after another, within bounds, and writes the replies.
///
/// A request that is refused before its end has come is answered at once, and what follows of it is thrown away, so that the
/// answer is not lost in a reset.
final class WebhookRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, ByteBuffer)
        /// The request is being dealt with; whether the connection is kept after it.
        case replying(Task<Void, Never>?, keepsAlive: Bool)
        /// The reply is written; the rest of the request is thrown away, and then the connection closes.
        case discarding
        case closed
    }

    /// What is thrown away of a refused request before the connection closes all the same.
    private static let discardTimeout: TimeAmount = .seconds(5)

    private let server: WebhookServer
    private var state = State.idle
    private var deadline: Scheduled<Void>?
    /// What the server has counted of this body.
    private var reserved = 0

    init(server: WebhookServer) { self.server = server }

    func channelActive(context: ChannelHandlerContext) {
        closeUnlessDone(within: server.gate.policy.receiveTimeout, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        // Whoever asked is gone, and asks again: what is not done by then had better stop.
        if case .replying(let task, _) = state {
            task?.cancel()  // It has the body until it is done.
        } else {
            release()
        }
        state = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle):
            if let reply = server.gate.reply(to: head) {
                refuse(reply, head, context)
            } else {
                closeUnlessDone(within: server.gate.policy.receiveTimeout, context)
                if head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) {
                    context.writeAndFlush(
                        wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))),
                        promise: nil)
                }
                state = .reading(head, ByteBuffer())
            }
        case (.body(var part), .reading(let head, var body)):
            state = .idle  // So that the buffer has one owner, and grows in place.
            let length = body.readableBytes + part.readableBytes
            if length > server.gate.policy.bodyBytes {
                refuse(server.gate.tooLarge, head, context)
            } else if !reserve(length) {
                refuse(server.unavailable, head, context)
            } else {
                body.writeBuffer(&part)
                state = .reading(head, body)
            }
        case (.end, .reading(let head, let body)): handle(head, body, context)
        case (.end, .discarding): context.close(promise: nil)
        default: break
        }
    }

    private func handle(_ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let promise = context.eventLoop.makePromise(of: WebhookReply.self)
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        let handler = NIOLoopBound(self, eventLoop: context.value.eventLoop)
        let task = server.start { [server] in
            promise.succeed(await server.reply(head: head, body: Array(body.readableBytesView)))
        }
        state = .replying(task, keepsAlive: head.isKeepAlive)
        promise.futureResult.whenSuccess { reply in handler.value.finish(reply, context.value) }
        if task == nil { promise.succeed(server.unavailable) }
    }

    private func finish(_ reply: WebhookReply, _ context: ChannelHandlerContext) {
        release()
        guard case .replying(_, let asked) = state else { return }
        // Who does not read the answers gets no more of them.
        let keepsAlive = asked && context.channel.isWritable
        state = .idle
        write(reply, closes: !keepsAlive, context)
        guard keepsAlive else {
            context.close(promise: nil)
            return
        }
        // A request that was waiting has begun with the answer's end, and has a deadline of its own, or none.
        if case .idle = state { closeUnlessDone(within: server.gate.policy.idleTimeout, context) }
    }

    private func refuse(_ reply: WebhookReply, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        release()
        state = .discarding
        write(reply, closes: true, context)
        schedule(Self.discardTimeout, context)
    }

    /// Whether there is room for a body of this length.
    private func reserve(_ length: Int) -> Bool {
        let counted = max(0, length - WebhookSourcePolicy.uncountedBodyBytes)
        guard counted == reserved || server.reserve(counted - reserved) else { return false }
        reserved = counted
        return true
    }

    private func release() {
        if reserved > 0 { server.release(reserved) }
        reserved = 0
    }

    private func write(_ reply: WebhookReply, closes: Bool, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: .http1_1, status: reply.status)
        for (name, value) in reply.headers { head.headers.add(name: name, value: value) }
        if closes { head.headers.add(name: "Connection", value: "close") }
        if !reply.reason.isEmpty { head.headers.add(name: "Content-Type", value: "text/plain; charset=utf-8") }
        if reply.status != .noContent { head.headers.add(name: "Content-Length", value: "\(reply.reason.utf8.count)") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !reply.reason.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: reply.reason)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func closeUnlessDone(within limit: Duration, _ context: ChannelHandlerContext) {
        schedule(.nanoseconds(Int64(clamping: limit.nanoseconds)), context)
    }

    private func schedule(_ limit: TimeAmount, _ context: ChannelHandlerContext) {
        deadline?.cancel()
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.value.eventLoop.scheduleTask(in: limit) { context.value.close(promise: nil) }
    }
}
#endif
