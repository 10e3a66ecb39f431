#if Server
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Answers requests that are no HTTP, or whose headers are too long, with a problem document, as all others that are refused; the
/// connection is closed behind it.
final class HTTPParserErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private var isAnswering = false
    private var hasRefused = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Within an answer nothing can be said any more.
        guard let error = error as? HTTPParserError, !isAnswering else { return context.fireErrorCaught(error) }
        guard !hasRefused else { return }
        hasRefused = true
        let detail =
            error == .headerOverflow
            ? "The request's line and headers are too long: send less." : "The request is no HTTP/1.1: \(error)."
        let problem = HTTPProblem(
            .badRequest, "malformedRequest", title: "The request cannot be understood.", detail: detail)
        let body = ByteBuffer(bytes: problem.json)
        let head = HTTPResponse(
            status: .badRequest,
            headerFields: [
                .contentType: HTTPProblem.mediaType, .contentLength: String(body.readableBytes), .connection: "close",
            ])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        let said = context.eventLoop.makePromise(of: Void.self)
        said.futureResult.whenComplete { [channel = context.channel] _ in
            // One that still sends would lose the answer if its connection was closed at once.
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: said)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head): isAnswering = head.status.kind != .informational
        case .body: break
        case .end: isAnswering = false
        }
        context.write(data, promise: promise)
    }
}
#endif
