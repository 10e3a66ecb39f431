import NIOCore
import Testing

@testable import DaybookServer

@Suite struct RPCMemoryTests {
    @Test func whatIsBeyondTheLimitIsRefusedAndNothingOfItTaken() throws {
        let memory = RPCMemory(limit: 100, holder: "a test")
        let hold = RPCHold(of: memory)
        try hold.take(60)
        let status = #expect(throws: RPCStatus.self) { try hold.take(41) }
        #expect(status?.code == .resourceExhausted)
        #expect(status?.message.contains("100 bytes") == true)
        #expect(memory.bytesHeld == 60)
        try hold.take(40)
        hold.giveBack(100)
        #expect(memory.bytesHeld == 0)
    }

    @Test func theLimitOfAllHoldsForEach() throws {
        let server = RPCMemory(limit: 100, holder: "the server")
        let first = RPCMemory(limit: 80, of: server, holder: "the connection")
        let second = RPCMemory(limit: 80, of: server, holder: "the connection")
        let hold = RPCHold(of: first)
        try hold.take(70)
        let other = RPCHold(of: second)
        let status = #expect(throws: RPCStatus.self) { try other.take(31) }
        #expect(status?.message.contains("the server") == true)
        #expect(second.bytesHeld == 0 && server.bytesHeld == 70)
        try other.take(30)
        #expect(server.bytesHeld == 100)
    }

    @Test func whatCannotBeRefusedKeepsOthersOut() throws {
        let server = RPCMemory(limit: 100, holder: "the server")
        let memory = RPCMemory(limit: 100, of: server, holder: "the connection")
        let hold = RPCHold(of: memory)
        #expect(hold.isAtEase)
        hold.takeAnyway(120)
        #expect(server.bytesHeld == 120 && !hold.isAtEase)
        #expect(throws: RPCStatus.self) { try RPCHold(of: server).take(1) }
        hold.giveBack(120)
        #expect(server.bytesHeld == 0)
    }

    @Test func theLastWhoWorksWithACallGivesAllOfItBack() async throws {
        let memory = RPCMemory(limit: 1_000, holder: "a test")
        do {
            let requests = RPCRequests(hold: RPCHold(of: memory))
            try requests.deliver(ByteBuffer(bytes: [1, 2, 3]))
            try requests.deliver(ByteBuffer(bytes: [4]))
            #expect(memory.bytesHeld == 2 * RPCRequests.messageOverhead + 4)
            _ = try await requests.next()
            #expect(memory.bytesHeld == RPCRequests.messageOverhead + 1)
        }
        #expect(memory.bytesHeld == 0)
    }
}
