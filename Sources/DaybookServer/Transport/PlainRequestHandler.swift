#if Server
import NIOCore

/// Tells a client that speaks plain HTTP to a port with TLS that it is one: whose connection is closed without a word looks for the
/// fault elsewhere. It stands in front of TLS, and leaves when that begins.
///
/// The first byte of TLS is the kind of its first record, a greeting, 22; a request of HTTP/1.1, and the preface of HTTP/2, begin
/// with a capital letter. See https://www.rfc-editor.org/rfc/rfc8446#section-5.1
final class PlainRequestHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let onRefusal: (any Channel) -> Void
    private var hasRefused = false
    private var end: Scheduled<Void>?

    /// How long a client may take to close its side, once it is answered.
    private static let patience = TimeAmount.seconds(1)

    init(onRefusal: @escaping (any Channel) -> Void) { self.onRefusal = onRefusal }

    static func isPlain(_ first: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasRefused else { return }  // The rest of the request.
        guard let first = unwrapInboundIn(data).readableBytesView.first else { return }
        guard Self.isPlain(first) else {
            context.fireChannelRead(data)
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            return
        }
        hasRefused = true
        onRefusal(context.channel)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        // One that still sends would lose the answer if its connection was closed at once.
        end = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.close(promise: nil) }
        let said = context.eventLoop.makePromise(of: Void.self)
        said.futureResult.whenComplete { _ in bound.value.close(mode: .output, promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Self.answer)), promise: said)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, hasRefused { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        end = nil
    }

    /// To clients of HTTP/2, too, which say what they are answered in its place.
    private static let answer: [UInt8] = {
        let body = HTTPProblem.plainRequest.json
        let head =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: \(HTTPProblem.mediaType)\r\nContent-Length: \(body.count)\r\n"
            + "Connection: close\r\n\r\n"
        return Array(head.utf8) + body
    }()
}

extension HTTPProblem {
    static let plainRequest = HTTPProblem(
        .badRequest, "tlsRequired", title: "The port speaks TLS.",
        detail:
            "This port speaks TLS: use https:// in the place of http://, and addresses of kurrentdb:// and daybook:// without "
            + "?tls=false.")
}
#endif
