import NIOCore
import NIOPosix

@testable import DaybookServer

/// A connection that speaks HTTP/2 by hand, for a client that does what libraries do not: never answers, sends no end of messages,
/// or goes in the middle of a call.
///
/// See https://www.rfc-editor.org/rfc/rfc9113#section-4.1
struct BareConnection: Sendable {
    private let channel: any Channel

    static func open(port: Int) async throws -> BareConnection {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        let connection = BareConnection(channel: channel)
        try await connection.write(ProtocolSelector.preface + frame(4, on: 0, []))
        return connection
    }

    /// Begins a call; streams have odd numbers that grow.
    func call(_ path: String, on stream: UInt32) async throws {
        let headers = [
            (":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc"),
        ]
        var block: [UInt8] = []
        for (name, value) in headers {
            block += [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
        }
        try await write(Self.frame(1, flags: 4, on: stream, block))
    }

    /// Sends messages, of which each has a length in front.
    func send(_ messages: [UInt8], on stream: UInt32) async throws {
        try await write(Self.frame(0, on: stream, messages))
    }

    func close() async throws { try await channel.close() }

    /// Returns when the connection is closed.
    func waitForEnd() async throws { try await channel.closeFuture.get() }

    private func write(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    private static func frame(_ type: UInt8, flags: UInt8 = 0, on stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(payload.count) << 8 | UInt32(type))
        buffer.writeInteger(flags)
        buffer.writeInteger(stream)
        buffer.writeBytes(payload)
        return Array(buffer.readableBytesView)
    }
}
