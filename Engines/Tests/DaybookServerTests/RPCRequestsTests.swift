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
        let mayReadFull = requests.mayRead(orElse: {})
        #expect(!mayReadFull)
        let resumed = AsyncStream<Void>.makeStream()
        _ = requests.mayRead { resumed.continuation.yield() }
        for _ in 0..<count { _ = try await requests.next() }
        for await _ in resumed.stream { break }
        let mayReadAgain = requests.mayRead(orElse: {})
        #expect(mayReadAgain)
    }

    @Test func whatComesBehindTheEndOfACallIsNotRead() async throws {
        let requests = RPCRequests()
        requests.deliver(ByteBuffer(integer: 1))
        requests.finish(.failure(RPCStatus(.unavailable, "The server is shutting down.")))
        requests.deliver(ByteBuffer(integer: 2))
        await #expect(throws: RPCStatus(.unavailable, "The server is shutting down.")) { try await requests.next() }
    }
}
