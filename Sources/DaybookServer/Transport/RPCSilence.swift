#if Server
import NIOCore
import NIOHTTP2

/// Closes a connection of which nothing has been heard for long, though its client was pinged meanwhile: that of a program that
/// hangs, or was suspended. What pings it asks it to end, and waits for its answer to that, too.
final class RPCSilence: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let patience: TimeAmount
    private var lastHeard = NIODeadline.now()
    private var check: Scheduled<Void>?

    /// - Parameter patience: More than it takes until a client that says nothing by itself has answered a ping.
    init(patience: TimeAmount) { self.patience = patience }

    func handlerAdded(context: ChannelHandlerContext) {
        look(at: lastHeard + patience, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        check?.cancel()
        check = nil
    }

    /// Whatever came: frames of calls do not come by here.
    func channelReadComplete(context: ChannelHandlerContext) {
        lastHeard = .now()
        context.fireChannelReadComplete()
    }

    private func look(at time: NIODeadline, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        check = context.eventLoop.scheduleTask(deadline: time) {
            let (handler, context) = bound.value
            let end = handler.lastHeard + handler.patience
            if end <= .now() { context.close(promise: nil) } else { handler.look(at: end, context) }
        }
    }
}
#endif
