#if Client
import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call on its HTTP/2 stream: sends the message, and puts the answer together.
///
/// See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
final class ClientCallHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// The longest answer that is taken, in bytes. The longest that a store gives is a page with all the names and tags that
    /// fit into it.
    private static let answerBytes = 512 << 20
    private static let prefixBytes = 5

    private let call: ClientCall
    private let headers: HPACKHeaders
    private let onEnd: () -> Void
    private var context: ChannelHandlerContext?
    private var prefix = ByteBuffer()
    private var answer: [UInt8] = []
    /// Of the answer, once it is known.
    private var length: Int?
    private var httpStatus: String?
    private var isDone = false

    /// - Parameter onEnd: Called once, when the stream is closed.
    init(call: ClientCall, headers: HPACKHeaders, onEnd: @escaping () -> Void) {
        self.call = call
        self.headers = headers
        self.onEnd = onEnd
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        lose("the stream was closed")
        onEnd()
    }

    func channelActive(context: ChannelHandlerContext) {
        let loop = context.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        guard call.begin(reset: { loop.execute { bound.value.reset() } }) else {
            isDone = true
            return context.close(promise: nil)
        }
        context.write(wrapOutboundOut(.headers(.init(headers: headers))), promise: nil)
        context.writeAndFlush(
            wrapOutboundOut(.data(.init(data: .byteBuffer(call.body), endStream: true))), promise: nil)
    }

    /// Nobody waits any more: the server shall stop.
    private func reset() {
        guard !isDone, let context else { return }
        isDone = true
        context.close(promise: nil)  // Which resets a stream that is open.
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            if httpStatus == nil { httpStatus = frame.headers.first(name: ":status") }
            if frame.endStream || frame.headers.contains(name: "grpc-status") { finish(frame.headers) }
        case .data(let frame):
            // With another status comes the page of somebody in between.
            if case .byteBuffer(let bytes) = frame.data, httpStatus == "200" { take(bytes) }
            if frame.endStream { finish([:]) }
        default:
            break
        }
    }

    private func take(_ bytes: ByteBuffer) {
        var bytes = bytes
        if length == nil {
            if var start = bytes.readSlice(length: min(Self.prefixBytes - prefix.readableBytes, bytes.readableBytes)) {
                prefix.writeBuffer(&start)
            }
            guard prefix.readableBytes == Self.prefixBytes, let compression = prefix.readInteger(as: UInt8.self),
                let count = prefix.readInteger(as: UInt32.self)
            else { return }
            guard compression == 0, count <= Self.answerBytes else {
                return fail(CallFailure(.unintelligible, "the answer is compressed, or too long", mayHaveEffect: true))
            }
            length = Int(count)
            answer.reserveCapacity(Int(count))
        }
        guard answer.count + bytes.readableBytes <= length ?? 0 else {
            return fail(CallFailure(.unintelligible, "the answer is longer than one message", mayHaveEffect: true))
        }
        answer.append(contentsOf: bytes.readableBytesView)
    }

    private func finish(_ trailers: HPACKHeaders) {
        guard let code = trailers.first(name: "grpc-status").flatMap({ Int($0) }) else {
            // No server of ours: one that stands in front of it, and has none behind it.
            return fail(
                CallFailure(
                    .interrupted, "an answer of HTTP status \(httpStatus ?? "none") came, and none of the server",
                    mayHaveEffect: true))
        }
        guard code == 0 else {
            let message = trailers.first(name: "grpc-message").map(Self.decoded) ?? ""
            return fail(CallFailure(status: code, message))
        }
        guard let length, answer.count == length else {
            return fail(CallFailure(.unintelligible, "the answer is not one message", mayHaveEffect: true))
        }
        isDone = true
        call.succeed(answer)
        answer = []
    }

    private func fail(_ failure: CallFailure) {
        isDone = true
        call.fail { _ in failure }
    }

    private func lose(_ reason: String) {
        guard !isDone else { return }
        isDone = true
        call.fail { CallFailure(.interrupted, reason, mayHaveEffect: $0) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lose("\(error)")
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        lose("the connection has ended")
        context.fireChannelInactive()
    }

    /// A message of a status, in which what is not printable ASCII is percent-encoded.
    private static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
#endif
