#if Client
import NIOCore
import NIOHTTP2

/// What concerns a connection as a whole: its beginning, the server's wish to end it, and whether the server is there.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let beginning: TimeAmount
    private let interval: TimeAmount
    private let patience: TimeAmount
    private let onReady: () -> Void
    private let onGoAway: () -> Void
    private let onError: (any Error) -> Void
    private var context: ChannelHandlerContext?
    private var isReady = false
    private var timer: Scheduled<Void>?

    /// - Parameters:
    ///   - beginning: How long it may take until the server has said how it speaks; then the connection is closed.
    ///   - interval: Between an answer of the server and the next question whether it is there.
    ///   - patience: How long the answer may take.
    ///   - onReady: Called once, when the server has said how it speaks.
    ///   - onGoAway: Called when the server wants no further calls on the connection.
    ///   - onError: Called with what ends the connection, before it does.
    init(
        beginning: TimeAmount, interval: TimeAmount, patience: TimeAmount, onReady: @escaping () -> Void,
        onGoAway: @escaping () -> Void, onError: @escaping (any Error) -> Void
    ) {
        self.beginning = beginning
        self.interval = interval
        self.patience = patience
        self.onReady = onReady
        self.onGoAway = onGoAway
        self.onError = onError
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closeUnlessCancelled(in: beginning, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).payload {
        case .settings(.settings):
            if !isReady {
                isReady = true
                waitToPing(context)
                onReady()
            }
        case .ping(_, ack: let isAnswer):
            if isAnswer { waitToPing(context) }
        case .goAway: onGoAway()
        default: break
        }
        context.fireChannelRead(data)
    }

    private func waitToPing(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: interval) { bound.value.ping() }
    }

    private func ping() {
        guard let context else { return }
        let ping = HTTP2Frame(streamID: .rootStream, payload: .ping(HTTP2PingData(withInteger: 1), ack: false))
        context.writeAndFlush(wrapOutboundOut(ping), promise: nil)
        closeUnlessCancelled(in: patience, context)
    }

    private func closeUnlessCancelled(in time: TimeAmount, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) { bound.value.context?.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Errors of one stream are told to its call, too, and leave the others as they are.
        if error is NIOHTTP2Errors.StreamError || error is NIOHTTP2Errors.NoSuchStream { return }
        onError(error)
        context.close(promise: nil)
    }
}
#endif
