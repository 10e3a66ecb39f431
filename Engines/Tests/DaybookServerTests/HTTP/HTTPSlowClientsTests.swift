import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import DaybookServer

@Suite struct HTTPSlowClientsTests {
    @Test func aClientThatTakesAnAnswerSlowlyKeepsItsConnectionAndOneThatTakesNothingDoesNot() throws {
        let handler = HTTPSlowClients(bodyTime: .seconds(100), unreadTime: .seconds(10))
        let channel = EmbeddedChannel(handler: handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        let context = try channel.pipeline.syncOperations.context(handler: handler)
        context.write(NIOAny(ByteBuffer(repeating: 1, count: 100)), promise: nil)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        // A part is taken, though not so much that there is room again.
        context.flush()
        channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(10))
        #expect(!channel.isActive)
    }

    @Test func aClientThatHasTakenTheAnswerIsNotLookedAtAnyMore() throws {
        let handler = HTTPSlowClients(bodyTime: .seconds(100), unreadTime: .seconds(10))
        let channel = EmbeddedChannel(handler: handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        for isWritable in [false, true] {
            channel.isWritable = isWritable
            channel.pipeline.fireChannelWritabilityChanged()
        }
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(channel.isActive)
    }

    @Test(arguments: [true, false]) func aRequestThatDoesNotComeInWholeEndsItsConnection(comesInWhole: Bool) throws {
        let handler = HTTPSlowClients(bodyTime: .seconds(100), unreadTime: .seconds(10))
        let channel = EmbeddedChannel(handler: handler)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 80), promise: nil)
        let head = HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: "/")
        let parts: [HTTPRequestPart] = [.head(head), .body(ByteBuffer(string: "1")), .end(nil)]
        for part in parts.dropLast(comesInWhole ? 0 : 1) { channel.pipeline.fireChannelRead(part) }
        channel.pipeline.fireChannelReadComplete()
        channel.embeddedEventLoop.advanceTime(by: .seconds(99))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(channel.isActive == comesInWhole)
    }
}
