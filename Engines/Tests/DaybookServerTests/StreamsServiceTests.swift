import DaybookCore
import KurrentProtocol
import NIOCore
import SwiftProtobuf
import Synchronization
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

    /// Begins one, and tells when it has.
    private static func begin(_ size: Int, _ inHand: AppendsInHand, isAtEase: Bool = true) -> Task<Void, any Error> {
        Task { try await inHand.begin(size) { isAtEase } }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [100, AppendsInHand.mostBytes - (AppendsInHand.mostAppends - 1) * 100])
    func appendsOfACallThatAreUnderWayAreBound(_ last: Int) async throws {
        let inHand = AppendsInHand()
        for _ in 1..<AppendsInHand.mostAppends { try await inHand.begin(100) { true } }
        try await inHand.begin(last) { true }
        let begun = Mutex(false)
        let next = Task {
            try await inHand.begin(100) { true }
            begun.withLock { $0 = true }
        }
        while !inHand.isAwaited { await Task.yield() }
        #expect(!begun.withLock { $0 })
        inHand.end(100)
        try await next.value
    }

    @Test(.timeLimit(.minutes(1))) func anAppendThatIsLargeOrThatThereIsNoMemoryForIsAlone() async throws {
        let inHand = AppendsInHand()
        try await inHand.begin(2 * AppendsInHand.mostBytes) { false }
        for isAtEase in [true, false] {
            let next = Self.begin(100, inHand, isAtEase: isAtEase)
            while !inHand.isAwaited { await Task.yield() }
            inHand.end(isAtEase ? 2 * AppendsInHand.mostBytes : 100)
            try await next.value
        }
    }

    @Test(.timeLimit(.minutes(1))) func anAppendThatCouldNotBeAnsweredEndsWhatWouldFollow() async throws {
        let inHand = AppendsInHand()
        try await inHand.begin(100) { true }
        let next = Self.begin(100, inHand, isAtEase: false)
        while !inHand.isAwaited { await Task.yield() }
        inHand.end(100, failure: CancellationError())
        await #expect(throws: CancellationError.self) { try await next.value }
        await #expect(throws: CancellationError.self) { try await inHand.begin(1) { true } }
        #expect(inHand.failure is CancellationError)
    }
}
