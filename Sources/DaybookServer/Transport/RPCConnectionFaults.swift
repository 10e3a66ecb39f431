#if Server
import Logging
import NIOCore
import NIOHTTP2

/// Closes a connection whose client does not keep to HTTP/2, or does too much of something that costs it nothing: floods, rapid
/// resets, headers without an end.
///
/// HTTP/2's own code notices, says so to the client (GOAWAY), and leaves the connection open, where the client could go on.
final class RPCConnectionFaults: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private let strayFrames: Int
    private let graceTime: TimeAmount
    private let logger: Logger
    private var strayFramesMet = 0
    private var end: Scheduled<Void>?

    /// - Parameters:
    ///   - strayFrames: How many frames for calls that are not there may come.
    ///   - graceTime: How long after the first of them calls that are open may go on.
    init(strayFrames: Int, graceTime: TimeAmount, logger: Logger) {
        self.strayFrames = strayFrames
        self.graceTime = graceTime
        self.logger = logger
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        end = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // Of one call, which is reset; too many of them are an error of another kind.
        case is NIOHTTP2Errors.StreamError: return
        case is NIOHTTP2Errors.NoSuchStream:
            // Perhaps the server has ended the call only just now. The client has been told that the connection ends.
            strayFramesMet += 1
            guard strayFramesMet <= strayFrames else { return context.close(promise: nil) }
            guard end == nil else { return }
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            end = context.eventLoop.scheduleTask(in: graceTime) { bound.value.close(promise: nil) }
        default:
            // Not at a level at which somebody could fill the log.
            logger.debug("A connection was closed that breaks its protocol.", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }
}
#endif
