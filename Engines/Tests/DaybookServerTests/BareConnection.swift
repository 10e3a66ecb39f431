import NIOCore
import NIOPosix

@testable import DaybookServer

/// A connection that speaks HTTP/2 by hand, for a client that does what libraries do not: never answers, gives no room, or goes in
/// the middle of a call.
///
/// See https://www.rfc-editor.org/rfc/rfc9113#section-4.1
struct BareConnection: Sendable {
    struct Frame: Sendable {
        /// 0 for data, 1 for headers and trailers, 3 for a reset.
        let type: UInt8
        let stream: UInt32
    }

    /// What the server sends, but for what is in it.
    let frames: AsyncStream<Frame>
    private let channel: any Channel

    /// - Parameter window: How many bytes of data the server may send on a stream at first.
    static func open(port: Int, window: UInt32 = 65_535) async throws -> BareConnection {
        let (frames, continuation) = AsyncStream<Frame>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FrameReader(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let connection = BareConnection(frames: frames, channel: channel)
        try await connection.write(opening(window: window))
        return connection
    }

    /// How a client begins.
    static func opening(window: UInt32 = 65_535) -> [UInt8] {
        ProtocolSelector.preface + frame(4, on: 0, [0, 4] + bytes(of: window))
    }

    /// Begins a call; streams have odd numbers that grow.
    func call(_ path: String, on stream: UInt32) async throws { try await write(Self.headers(path, on: stream)) }

    /// The headers of a call; without a path they are those of none.
    static func headers(_ path: String?, on stream: UInt32) -> [UInt8] {
        var headers = [
            (":method", "POST"), (":scheme", "http"), (":authority", "localhost"), ("content-type", "application/grpc"),
        ]
        if let path { headers.insert((":path", path), at: 2) }
        var block: [UInt8] = []
        for (name, value) in headers {
            block.append(0)  // A literal that is not indexed; names and values have their length in front.
            for text in [name, value] {
                block.append(UInt8(text.utf8.count))
                block += text.utf8
            }
        }
        return frame(1, flags: 4, on: stream, block)
    }

    /// Lets the server send more data on a stream.
    func giveRoom(_ count: UInt32, on stream: UInt32) async throws {
        try await write(Self.frame(8, on: stream, Self.bytes(of: count)))
    }

    /// Sends a part of a call's messages.
    func send(_ bytes: [UInt8], on stream: UInt32) async throws { try await write(Self.frame(0, on: stream, bytes)) }

    /// Sends a frame that may be none.
    func sendFrame(_ type: UInt8, flags: UInt8 = 0, on stream: UInt32, _ payload: [UInt8]) async throws {
        try await write(Self.frame(type, flags: flags, on: stream, payload))
    }

    func close() async throws { try await channel.close() }

    /// Returns when the connection is closed.
    func waitForEnd() async throws { try await channel.closeFuture.get() }

    private func write(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    private static func bytes(of number: UInt32) -> [UInt8] {
        Array(ByteBuffer(integer: number).readableBytesView)
    }

    static func frame(_ type: UInt8, flags: UInt8 = 0, on stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(payload.count) << 8 | UInt32(type))
        buffer.writeInteger(flags)
        buffer.writeInteger(stream)
        buffer.writeBytes(payload)
        return Array(buffer.readableBytesView)
    }

    private final class FrameReader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let frames: AsyncStream<Frame>.Continuation
        private var received = ByteBuffer()

        init(_ frames: AsyncStream<Frame>.Continuation) { self.frames = frames }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.writeBuffer(&bytes)
            let start = received.readerIndex
            while let head = received.getInteger(at: received.readerIndex, as: UInt32.self),
                let stream = received.getInteger(at: received.readerIndex + 5, as: UInt32.self),
                received.readableBytes >= 9 + Int(head >> 8)
            {
                received.moveReaderIndex(forwardBy: 9 + Int(head >> 8))
                frames.yield(Frame(type: UInt8(truncatingIfNeeded: head), stream: stream))
            }
            if received.readerIndex > start { received.discardReadBytes() }
        }

        func channelInactive(context: ChannelHandlerContext) { frames.finish() }
    }
}
