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
            expectEnd(context)
        case .body: break
        case .end:
            bodyDeadline?.cancel()
            bodyDeadline = nil
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { unanswered = max(unanswered - 1, 0) }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        unreadDeadline?.cancel()
        unreadDeadline = nil
        if !context.channel.isWritable {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            unreadDeadline = context.eventLoop.scheduleTask(in: unreadTime) { bound.value.close(promise: nil) }
        }
        context.fireChannelWritabilityChanged()
    }

    private func expectEnd(_ context: ChannelHandlerContext) {
        bodyDeadline?.cancel()
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
