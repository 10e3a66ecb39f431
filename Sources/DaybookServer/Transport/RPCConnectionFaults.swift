#if Server
import NIOCore
import NIOHTTP2

/// Closes a connection whose client does not keep to HTTP/2, or does too much of something that costs it nothing: floods, rapid
/// resets, headers without an end.
///
/// HTTP/2's own code notices, says so to the client (GOAWAY), and leaves the connection open, where the client could go on.
final class RPCConnectionFaults: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let strayFrames: Int
    private var strayFramesMet = 0

    init(strayFrames: Int) { self.strayFrames = strayFrames }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // Of one call, which is reset; too many of them are an error of another kind.
        case is NIOHTTP2Errors.StreamError: return
        case is NIOHTTP2Errors.NoSuchStream:
            // Perhaps the server has only just ended the call. The client has been told that the connection ends; it may finish.
            strayFramesMet += 1
            if strayFramesMet > strayFrames { context.close(promise: nil) }
        default: context.close(promise: nil)
        }
    }
}
#endif
