import DaybookCore
import DaybookTesting
import Foundation
import Synchronization
import Testing

@testable import DaybookCommand

@Suite("Requests from standard input")
struct RequestStreamTests {
    @Test("are all acknowledged, with their lines, and none twice")
    func acknowledgesAll() async throws {
        let folder = try TemporaryFolder()
        let count = 3 * RequestStream.maximumInFlight
        var text = ""
        for index in 0..<count {
            text +=
                index % 100 == 99
                ? "{\"writes\":\n"
                : #"{"writes":[{"stream":"s-\#(index % 7)","events":[{"type":"T","data":\#(index).0}]}]}"# + "\n"
        }
        let store = InMemoryEventStore()
        let answers = Mutex<[[UInt8]]>([])
        let totals = try await RequestStream(store: store) { answer in answers.withLock { $0.append(answer) } }
            .run(folder.source(text))
        #expect(totals.acknowledged == count)
        #expect(totals.failed == count / 100)
        var lines: Set<Int64> = []
        var positions: Set<Int64> = []
        for answer in answers.withLock(\.self) {
            let members = try #require(try JSONText(parsing: answer[...]).members)
            let line = try #require(members.first?.value.integer)
            #expect(lines.insert(line).inserted)
            #expect((line % 100 == 0) == members.contains { $0.key == "error" })
            if let position = members.first(where: { $0.key == "position" })?.value.integer {
                #expect(positions.insert(position).inserted)
            }
        }
        #expect(lines == Set(1...Int64(count)))
        #expect(try await store.head() == Position(Int64(count - count / 100)))
        for try await event in store.events() { #expect(event.data.suffix(2) == Array(".0".utf8)[...]) }
    }

    @Test("do not wait for one another: later ones finish while the first is being written")
    func manyInFlight() async throws {
        let folder = try TemporaryFolder()
        let store = HeldStore(holds: "held")
        let text =
            #"{"writes":[{"stream":"held","events":[{"type":"T"}]}]}"# + "\n"
            + String(repeating: #"{"writes":[{"stream":"free","events":[{"type":"T"}]}]}"# + "\n", count: 50)
        let order = Mutex<[String]>([])
        let totals = try await RequestStream(store: store) { answer in
            let text = String(decoding: answer, as: UTF8.self)
            let count = order.withLock { order in
                order.append(text)
                return order.count
            }
            if count == 50 { store.release() }  // Only once every other one has been acknowledged.
        }.run(folder.source(text))
        #expect(totals == RequestStream.Totals(acknowledged: 51))
        #expect(order.withLock { $0.last }?.hasPrefix(#"{"line":1,"#) == true)
    }

    @Test("of which some may be written are not said to be unwritten")
    func doubtful() async throws {
        let folder = try TemporaryFolder()
        func failure(of streams: [String]) async throws -> CommandFailure? {
            let lines = streams.map { #"{"writes":[{"stream":"\#($0)","events":[{"type":"T"}]}]}"# + "\n" }
            return try await RequestStream(store: FailedStore(doubtful: "lost")) { _ in }
                .run(folder.source(lines.joined())).failure
        }
        let refused = try await failure(of: ["s", "s"])
        #expect(refused?.code == .refused)
        #expect(refused?.description.hasPrefix("2 of 2 requests were not appended:") == true)
        let lost = try await failure(of: ["s", "lost", "s"])
        #expect(lost?.code == .inputOutput)
        #expect(lost?.description.hasPrefix("3 of 3 requests failed, and 1 of these may be in the log") == true)
    }
}

/// A store that has failed, and does not know what became of appends to one stream.
private struct FailedStore: ForwardingStore {
    let base: any EventStore = InMemoryEventStore()
    let doubtful: StreamName

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        guard request.writes.first?.stream != doubtful else { throw .cancelled(mayBeWritten: true) }
        throw .wrongExpectedVersion(stream: "s", expected: .noStream, actual: 0)
    }
}

/// A store whose appends to one stream wait until they are let go.
private final class HeldStore: ForwardingStore {
    let base: any EventStore = InMemoryEventStore()
    private let stream: StreamName
    private let (released, release_) = AsyncStream<Void>.makeStream()

    init(holds stream: StreamName) { self.stream = stream }

    func release() { release_.finish() }

    func append(_ request: AppendRequest) async throws(AppendError) -> AppendResult {
        if request.writes.first?.stream == stream { for await _ in released {} }
        return try await base.append(request)
    }
}
