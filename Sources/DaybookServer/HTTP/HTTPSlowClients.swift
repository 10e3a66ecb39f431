#if Server
import NIOCore
import NIOHTTPTypes

/// Closes a connection whose client sends a body byte by byte, or takes nothing of its answer: it would keep what the server has
/// in memory for it as long as it likes.
final class HTTPSlowClients: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart

    private let bodyTime: TimeAmount
    private let unreadTime: TimeAmount
    private var bodyDeadline: Scheduled<Void>?
    /// A request has begun that has not come in whole.
    private var expectsEnd = false
    private var unreadDeadline: Scheduled<Void>?
    /// The requests that have begun to come, and are not answered.
    private var unanswered = 0

    init(bodyTime: TimeAmount, unreadTime: TimeAmount) {
        self.bodyTime = bodyTime
        self.unreadTime = unreadTime
    }

    func handlerRemoved(context: ChannelHandlerContext) { stop() }

    func channelInactive(context: ChannelHandlerContext) {
        stop()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            unanswered += 1
            expectsEnd = true
            bodyDeadline?.cancel()
            bodyDeadline = nil
        case .body: break
        case .end:
            expectsEnd = false
            bodyDeadline?.cancel()
            bodyDeadline = nil
        }
        context.fireChannelRead(data)
    }

    /// Most requests come in whole at once, and need no deadline.
    func channelReadComplete(context: ChannelHandlerContext) {
        if expectsEnd, bodyDeadline == nil { expectEnd(context) }
        context.fireChannelReadComplete()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { unanswered = max(unanswered - 1, 0) }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        unreadDeadline?.cancel()
        unreadDeadline = nil
        if !context.channel.isWritable { expectTaking(context) }
        context.fireChannelWritabilityChanged()
    }

    /// Looks again as long as some of what waits is taken: a large piece may be long on its way, and all the while there is no
    /// room for the next.
    private func expectTaking(_ context: ChannelHandlerContext) {
        let waiting = bytesWaiting(context)
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        unreadDeadline = context.eventLoop.scheduleTask(in: unreadTime) {
            let (handler, context) = bound.value
            handler.unreadDeadline = nil
            if handler.bytesWaiting(context) != waiting {
                handler.expectTaking(context)
            } else {
                context.close(promise: nil)
            }
        }
    }

    /// Nil when the connection is closed.
    private func bytesWaiting(_ context: ChannelHandlerContext) -> Int? {
        try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
    }

    private func expectEnd(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        bodyDeadline = context.eventLoop.scheduleTask(in: bodyTime) {
            let (handler, context) = bound.value
            handler.bodyDeadline = nil
            // While the one before is answered, it is the server that does not read.
            if handler.unanswered > 1 { handler.expectEnd(context) } else { context.close(promise: nil) }
        }
    }

    private func stop() {
        bodyDeadline?.cancel()
        bodyDeadline = nil
        unreadDeadline?.cancel()
        unreadDeadline = nil
    }
}
#endif
