import NIOCore
import Testing

@testable import DaybookServer

@Suite struct RPCRequestsTests {
    @Test func messagesWithoutBytesAreHeldUpToo() async throws {
        let requests = RPCRequests()
        var count = 0
        while requests.mayRead(orElse: {}), count < RPCRequests.bytesHeld {
            requests.deliver(ByteBuffer())
            count += 1
        }
        #expect(!requests.mayRead(orElse: {}))
        let resumed = AsyncStream<Void>.makeStream()
        _ = requests.mayRead { resumed.continuation.yield() }
        for _ in 0..<count { _ = try await requests.next() }
        for await _ in resumed.stream { break }
        #expect(requests.mayRead(orElse: {}))
    }
}
