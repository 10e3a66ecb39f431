import NIOCore
import NIOPosix

/// Sends requests that were made before over one connection, each when the one before it was answered with 204.
final class Replay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Unanswered: Error, CustomStringConvertible {
        let reason: String

        var description: String { "A request was not answered with 204: \(reason)" }
    }

    /// Sends all of them so many times, shared out over connections.
    static func send(_ requests: [ByteBuffer], times: Int, over connections: Int, to port: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for connection in 0..<connections {
                let own = stride(from: connection, to: requests.count, by: connections).map { requests[$0] }
                group.addTask {
                    let end: EventLoopFuture<Void> = try await ClientBootstrap(
                        group: MultiThreadedEventLoopGroup.singleton
                    ).connect(host: "127.0.0.1", port: port) { channel in
                        channel.eventLoop.makeCompletedFuture { () throws -> EventLoopFuture<Void> in
                            let promise = channel.eventLoop.makePromise(of: Void.self)
                            try channel.pipeline.syncOperations.addHandler(
                                Replay(own, count: own.count * times, end: promise))
                            return promise.futureResult
                        }
                    }
                    try await end.get()
                }
            }
            try await group.waitForAll()
        }
    }

    private let requests: [ByteBuffer]
    private let count: Int
    private var sent = 0
    private var answer = ByteBuffer()
    private var end: EventLoopPromise<Void>?

    private init(_ requests: [ByteBuffer], count: Int, end: EventLoopPromise<Void>) {
        self.requests = requests
        self.count = count
        self.end = end
    }

    func channelActive(context: ChannelHandlerContext) { sendNext(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        answer.writeBuffer(&part)
        let status = "HTTP/1.1 204"
        guard answer.readableBytes >= status.utf8.count else { return }
        guard answer.readableBytesView.starts(with: status.utf8) else {
            fail(Unanswered(reason: String(buffer: answer)), context)
            return
        }
        // Such an answer has no body.
        guard answer.readableBytesView.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return }
        answer.clear()
        sendNext(context)
    }

    private func sendNext(_ context: ChannelHandlerContext) {
        guard sent < count else {
            end?.succeed()
            end = nil
            context.close(promise: nil)
            return
        }
        context.writeAndFlush(wrapOutboundOut(requests[sent % requests.count]), promise: nil)
        sent += 1
    }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        end?.fail(error)
        end = nil
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    /// As every connection does that closes.
    func handlerRemoved(context: ChannelHandlerContext) {
        end?.fail(Unanswered(reason: "the connection closed"))
        end = nil
    }
}
