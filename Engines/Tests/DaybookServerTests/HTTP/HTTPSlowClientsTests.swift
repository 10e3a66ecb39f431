import NIOCore
import NIOEmbedded
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
}
