#if Server
import NIOCore

/// Tells by the first bytes of a connection which protocol its client speaks, has the pipeline set up for that, hands on what
/// has come, and leaves.
///
/// A client that knows that a server speaks HTTP/2 begins with a preface, which was chosen so that no request of HTTP/1.1
/// begins with it. See https://www.rfc-editor.org/rfc/rfc9113#section-3.4
final class ProtocolSelector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    enum Choice: Sendable, Equatable {
        case http1
        case http2
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let patience: TimeAmount
    private let configure: (Choice, any Channel) throws -> Void
    private var received = ByteBuffer()
    private var deadline: Scheduled<Void>?
    private var isDecided = false

    /// - Parameters:
    ///   - patience: How long a client may take until its protocol can be told; then the connection is closed.
    ///   - configure: Adds the handlers of the protocol at the end of the pipeline.
    init(patience: TimeAmount, configure: @escaping (Choice, any Channel) throws -> Void) {
        self.patience = patience
        self.configure = configure
    }

    /// The protocol of a connection that begins so; nil when more must come to tell.
    static func choice(for bytes: some Collection<UInt8>) -> Choice? {
        if bytes.count >= preface.count { return bytes.starts(with: preface) ? .http2 : .http1 }
        return preface.starts(with: bytes) ? nil : .http1
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: patience) { bound.value.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDecided else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        guard let choice = Self.choice(for: received.readableBytesView) else { return }
        isDecided = true
        do { try configure(choice, context.channel) } catch {
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        // Those who came later have not heard of it, and begin their pings then.
        if choice == .http2 { context.fireChannelActive() }
        let received = received
        self.received = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(received))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent, !isDecided { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
#endif
