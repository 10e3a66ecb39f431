import NIOCore
import Testing

@testable import DaybookServer

@Suite struct RPCRequestsTests {
    @Test func messagesWithoutBytesAreHeldUpToo() async throws {
        let requests = RPCRequests()
        var count = 0
        while requests.mayRead(orElse: {}), count < RPCRequests.bytesHeld {
            try requests.deliver(ByteBuffer())
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

    @Test func messagesOfAQueueThatNeverBecomesEmptyComeInOrder() async throws {
        let requests = RPCRequests()
        var delivered = 0
        for _ in 0..<3 {
            try requests.deliver(ByteBuffer(integer: delivered))
            delivered += 1
        }
        for number in 0..<1_000 {
            try requests.deliver(ByteBuffer(integer: delivered))
            delivered += 1
            let next = try await requests.next()
            #expect(next?.getInteger(at: 0, as: Int.self) == number)
        }
    }

    @Test func whatComesBehindTheEndOfACallIsNotRead() async throws {
        let requests = RPCRequests()
        try requests.deliver(ByteBuffer(integer: 1))
        requests.finish(.failure(RPCStatus(.unavailable, "The server is shutting down.")))
        try requests.deliver(ByteBuffer(integer: 2))
        await #expect(throws: RPCStatus(.unavailable, "The server is shutting down.")) { try await requests.next() }
    }
}
