import DaybookCore
import KurrentProtocol
import NIOCore
import SwiftProtobuf
import Testing

@testable import DaybookServer

@Suite struct StreamsServiceTests {
    private static func service() async throws -> StreamsService {
        let store = InMemoryEventStore()
        return StreamsService(log: try await KurrentLog.open(store), signals: StreamSignals(store: store))
    }

    private static let nowhere = RPCResponses { _ in }

    @Test(.timeLimit(.minutes(1))) func anAppendIsRefusedAsSoonAsItHasTooManyEvents() async throws {
        let requests = RPCRequests()
        try requests.deliver(
            try ByteBuffer(
                EventStore_Client_Streams_AppendReq.with {
                    $0.options.streamIdentifier = .init("a")
                    $0.options.any = .init()
                }))
        let event = try ByteBuffer(
            EventStore_Client_Streams_AppendReq.with {
                $0.proposedMessage.id.string = EventID().description
                $0.proposedMessage.metadata = ["type": "Placed", "content-type": "application/json"]
            })
        for _ in 0...Limits.eventsPerAppend { try requests.deliver(event) }
        // The client has not said that these are all.
        let service = try await Self.service()
        let status = await #expect(throws: RPCStatus.self) { try await service.append(requests) }
        #expect(status?.code == .invalidArgument)
    }

    @Test(.timeLimit(.minutes(1))) func unfinishedAppendsOfABatchAreBoundThoughTheyAreSmall() async throws {
        let requests = RPCRequests()
        let count = 2 * Limits.appendBytes / 512 + 1
        for number in 0..<count {
            try requests.deliver(
                try ByteBuffer(
                    EventStore_Client_Streams_BatchAppendReq.with {
                        $0.correlationID.structured.leastSignificantBits = Int64(number)
                        $0.options.streamIdentifier = .init("a")
                    }))
        }
        let service = try await Self.service()
        let status = await #expect(throws: RPCStatus.self) { try await service.batchAppend(requests, to: Self.nowhere) }
        #expect(status?.code == .resourceExhausted)
    }

    @Test func appendsOfACallThatAreUnderWayAreBound() {
        var inHand = AppendsInHand()
        for _ in 0..<AppendsInHand.mostAppends {
            #expect(inHand.hasRoom(for: 100))
            inHand.begin(100)
        }
        #expect(!inHand.hasRoom(for: 100))
        inHand.end(100)
        #expect(inHand.hasRoom(for: 100))
        let rest = AppendsInHand.mostBytes - (AppendsInHand.mostAppends - 1) * 100
        #expect(inHand.hasRoom(for: rest))
        #expect(!inHand.hasRoom(for: rest + 1))
        #expect(AppendsInHand().hasRoom(for: 2 * AppendsInHand.mostBytes))
    }
}
