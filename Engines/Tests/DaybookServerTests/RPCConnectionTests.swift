import Logging
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import DaybookServer

/// What comes, comes in one piece, which no network promises.
@Suite("A connection of HTTP/2") struct RPCConnectionTests {
    private struct Frame {
        let type: UInt8
        let stream: UInt32
        let payload: ByteBuffer
    }

    private static func open(
        _ routes: RPCRoutes = [:], limits: RPCLimits = RPCLimits(), window: UInt32 = 65_535
    ) throws -> EmbeddedChannel {
        let loop = EmbeddedEventLoop()
        let services = RPCServices(
            routes: routes, executor: EventLoopExecutor(loop), calls: RPCCalls(), limits: limits,
            logger: Logger(label: "test"), callLogger: nil)
        let memory = RPCMemory(limit: limits.bytesPerConnection, holder: "the connection")
        let connection = RPCConnection(services: services, peer: RPCPeer(address: "127.0.0.1"), memory: memory)
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        try channel.writeInbound(ByteBuffer(bytes: BareConnection.opening(window: window)))
        return channel
    }

    /// What the server has sent since this was asked for the last time.
    private static func sent(on channel: EmbeddedChannel) throws -> [Frame] {
        channel.embeddedEventLoop.run()
        var bytes = ByteBuffer()
        while var piece = try channel.readOutbound(as: ByteBuffer.self) { bytes.writeBuffer(&piece) }
        var frames: [Frame] = []
        while let head = bytes.readInteger(as: UInt32.self), bytes.readInteger(as: UInt8.self) != nil,
            let stream = bytes.readInteger(as: UInt32.self), let payload = bytes.readSlice(length: Int(head >> 8))
        {
            frames.append(Frame(type: UInt8(truncatingIfNeeded: head), stream: stream, payload: payload))
        }
        return frames
    }

    @Test("that is refused within data, and breaks the protocol behind it, is closed, and nothing else happens")
    func refusedWithinData() throws {
        var limits = RPCLimits()
        limits.strayFrames = 3
        let channel = try Self.open(limits: limits)
        var bytes = BareConnection.headers("/none", on: 1)
        for _ in 0...limits.strayFrames { bytes += BareConnection.frame(0, on: 1, []) }
        bytes += BareConnection.frame(6, on: 0, [1, 2, 3])  // A ping has eight bytes.
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        #expect(try Self.sent(on: channel).last?.type == 7)
        #expect(!channel.isActive)
    }

    @Test("does nothing of a call that the client is told was not taken, and begins anew elsewhere")
    func notTaken() throws {
        let written = Mutex(0)
        let routes: RPCRoutes = [
            "/write": .finishing(
                .unary { message, _ in
                    written.withLock { $0 += 1 }
                    return message
                })
        ]
        let channel = try Self.open(routes)
        let message: [UInt8] = [0, 0, 0, 0, 1, 7]
        var bytes = BareConnection.headers("/write", on: 1) + BareConnection.frame(0, flags: 1, on: 1, message)
        bytes += BareConnection.headers(nil, on: 3)  // No request, so that the connection takes no more.
        bytes += BareConnection.headers("/write", on: 5) + BareConnection.frame(0, flags: 1, on: 5, message)
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        let frames = try Self.sent(on: channel)
        let end = try #require(frames.first { $0.type == 7 })
        #expect(end.payload.getInteger(at: end.payload.readerIndex, as: UInt32.self) == 3)
        #expect(frames.filter { $0.type == 0 }.map(\.stream) == [1])
        #expect(written.withLock { $0 } == 1)
    }

    @Test("is closed when its client makes it send without end, and takes nothing")
    func takesNothing() throws {
        var limits = RPCLimits()
        limits.callsPerConnection = 1
        limits.waitingFrames = 10 - RPCLimits.framesPerCall
        let channel = try Self.open(limits: limits)
        channel.isWritable = false
        // Each but the first is one more than there may be, and is to be reset.
        for number in 0..<8 as Range<UInt32> {
            try channel.writeInbound(ByteBuffer(bytes: BareConnection.headers("/none", on: 2 * number + 1)))
        }
        #expect(channel.isActive)
        for number in 8..<20 as Range<UInt32> where channel.isActive {
            try channel.writeInbound(ByteBuffer(bytes: BareConnection.headers("/none", on: 2 * number + 1)))
        }
        #expect(!channel.isActive)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("resets a call whose answer has headers that are too long to be sent")
    func headersTooLong() throws {
        let routes: RPCRoutes = [
            "/fail": .streaming { _, _, _ in throw RPCStatus(.aborted, String(repeating: "a", count: 100_000)) }
        ]
        let channel = try Self.open(routes)
        _ = try Self.sent(on: channel)
        try channel.writeInbound(ByteBuffer(bytes: BareConnection.headers("/fail", on: 1)))
        #expect(try Self.sent(on: channel).filter { $0.stream == 1 }.map(\.type) == [3])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("ends a call that has no messages though its client has no room for any")
    func endsWithoutRoom() throws {
        let channel = try Self.open(["/none": .streaming { _, _, _ in }], window: 0)
        _ = try Self.sent(on: channel)
        try channel.writeInbound(ByteBuffer(bytes: BareConnection.headers("/none", on: 1)))
        #expect(try Self.sent(on: channel).filter { $0.stream == 1 }.map(\.type) == [1, 1, 3])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("ends a call whose messages have taken all room that its client had")
    func endsBehindTheLastRoom() throws {
        let channel = try Self.open(
            [
                "/one": .streaming { requests, responses, _ in
                    try await responses.send { $0.writeInteger(7 as UInt8) }
                    _ = try await requests.next()
                    throw RPCStatus(.aborted, "The group was deleted.")
                }
            ], window: 6)
        _ = try Self.sent(on: channel)
        try channel.writeInbound(ByteBuffer(bytes: BareConnection.headers("/one", on: 1)))
        #expect(try Self.sent(on: channel).filter { $0.stream == 1 }.map(\.type) == [1, 0])
        try channel.writeInbound(ByteBuffer(bytes: BareConnection.frame(0, flags: 1, on: 1, [])))
        #expect(try Self.sent(on: channel).filter { $0.stream == 1 }.map(\.type) == [1])
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test("whose client gives up too many calls is told that, and nothing else")
    func tooManyResets() throws {
        var limits = RPCLimits()
        limits.resets = 10
        let channel = try Self.open(
            ["/watch": .streaming { requests, _, _ in while try await requests.next() != nil {} }], limits: limits)
        var bytes: [UInt8] = []
        for number in 0...10 as ClosedRange<UInt32> {
            bytes += BareConnection.headers("/watch", on: 2 * number + 1)
            bytes += BareConnection.frame(3, on: 2 * number + 1, [0, 0, 0, 8])
        }
        try channel.writeInbound(ByteBuffer(bytes: bytes))
        let ends = try Self.sent(on: channel).filter { $0.type == 7 }
        // ENHANCE_YOUR_CALM, behind the last stream.
        #expect(ends.map { $0.payload.getInteger(at: $0.payload.readerIndex + 4, as: UInt32.self) } == [11])
        #expect(!channel.isActive)
    }
}
