import NIOCore
import NIOEmbedded
import Testing

@testable import DaybookServer

@Suite("A plain request to a port with TLS") struct PlainRequestTests {
    private func connected(_ onRefusal: @escaping () -> Void) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: PlainRequestHandler { _ in onRefusal() })
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        return channel
    }

    @Test(
        "is answered by what to do, once, and its connection closed",
        arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    func plain(_ text: String) throws {
        var refusals = 0
        let channel = try connected { refusals += 1 }
        try channel.writeInbound(ByteBuffer(string: text))
        try channel.writeInbound(ByteBuffer(string: "more"))
        let answer = try #require(try channel.readOutbound(as: ByteBuffer.self))
        let said = String(buffer: answer)
        #expect(said.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(said.contains("This port speaks TLS: use https://"))
        #expect(said.contains("Content-Length: \(HTTPProblem.plainRequest.json.count)\r\n"))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(try channel.readInbound(as: ByteBuffer.self) == nil)
        #expect(refusals == 1)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test(
        "is none that begins as TLS does, or as nothing that is known: that is handed on",
        arguments: [22, 0, 0x80, 0x61] as [UInt8])
    func handedOn(_ first: UInt8) throws {
        let channel = try connected { Issue.record("It was taken for plain HTTP.") }
        try channel.writeInbound(ByteBuffer(bytes: [first, 3, 1]))
        try channel.writeInbound(ByteBuffer(bytes: Array("GET".utf8)))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(bytes: [first, 3, 1]))
        #expect(try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(bytes: Array("GET".utf8)))
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test("is in the log once in a while, with how many there were")
    func seldom() {
        let note = SeldomNote(pause: .seconds(60))
        let start = ContinuousClock.now
        #expect(note.count(at: start) == 1)
        #expect(note.count(at: start + .seconds(1)) == nil)
        #expect(note.count(at: start + .seconds(59)) == nil)
        #expect(note.count(at: start + .seconds(60)) == 3)
        #expect(note.count(at: start + .seconds(61)) == nil)
    }
}
