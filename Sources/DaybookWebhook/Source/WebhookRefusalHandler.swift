#if Webhook
import NIOCore

/// Tells whoever makes a connection too many to come again later, and closes it.
final class WebhookRefusalHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: Self.reply))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private static let reply =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
}
#endif
