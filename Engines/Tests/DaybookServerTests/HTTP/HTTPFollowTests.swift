import AsyncHTTPClient
import DaybookCore
import NIOCore
import NIOHTTP1
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPFollowTests {
    /// The blocks of an event stream, as they come.
    private struct Blocks: AsyncSequence {
        typealias Element = [String: String]

        let body: HTTPClientResponse.Body

        struct Iterator: AsyncIteratorProtocol {
            var parts: HTTPClientResponse.Body.AsyncIterator
            var text = ""

            mutating func next() async throws -> [String: String]? {
                while true {
                    if let end = text.firstRange(of: "\n\n") {
                        let block = text[..<end.lowerBound]
                        text = String(text[end.upperBound...])
                        let lines = block.split(separator: "\n").filter { !$0.hasPrefix(":") }
                        guard !lines.isEmpty else { continue }
                        return Dictionary(
                            lines.map { line in
                                let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
                                return (parts[0], parts.count > 1 ? parts[1] : "")
                            }, uniquingKeysWith: { first, _ in first })
                    }
                    guard let part = try await parts.next() else { return nil }
                    text += String(buffer: part)
                }
            }
        }

        func makeAsyncIterator() -> Iterator { Iterator(parts: body.makeAsyncIterator()) }
    }

    private static func follow(
        _ served: ServedStore, _ query: String = "", headers: HTTPHeaders = [:]
    ) async throws -> Blocks.Iterator {
        let response = try await HTTPClient.shared.execute(
            served.request(.GET, "/v1/log/follow\(query)", headers: headers), timeout: .seconds(60))
        #expect(response.status == .ok)
        #expect(response.headers.first(name: "content-type") == "text/event-stream")
        return Blocks(body: response.body).makeAsyncIterator()
    }

    /// Takes the next block.
    private static func expect(_ field: String, _ value: String, in blocks: inout Blocks.Iterator) async throws {
        let block = try await blocks.next()
        #expect(block?[field] == value)
    }

    private static func append(_ number: Int, to stream: StreamName, in store: InMemoryEventStore) async throws {
        try await store.append([NewEvent(type: "Placed", data: Array("\(number)".utf8))], to: stream)
    }

    @Test func aFollowerCatchesUpAndGoesOn() async throws {
        let store = InMemoryEventStore()
        for number in 0..<3 { try await Self.append(number, to: "a", in: store) }
        try await ServedStore.serving(store) { served async throws in
            var blocks = try await Self.follow(served)
            for number in 0..<3 {
                let next = try await blocks.next()
                let block = try #require(next)
                #expect(block["id"] == "\(number + 1)")
                #expect(block["event"] == "Placed")
                #expect(block["data"]?.contains("\"data\":\(number)") == true)
            }
            try await Self.expect("event", "$caught-up", in: &blocks)
            for number in 3..<50 {
                try await Self.append(number, to: "a", in: store)
                try await Self.expect("id", "\(number + 1)", in: &blocks)
            }
        }
    }

    @Test func aFollowerGoesOnBehindTheLastEventThatItGot() async throws {
        let store = InMemoryEventStore()
        for number in 0..<3 { try await Self.append(number, to: "a", in: store) }
        try await ServedStore.serving(store) { served async throws in
            var blocks = try await Self.follow(served, "?after=start", headers: ["last-event-id": "2"])
            try await Self.expect("id", "3", in: &blocks)
            var end = try await Self.follow(served, "?after=end")
            try await Self.expect("event", "$caught-up", in: &end)
        }
    }

    @Test func oneStreamIsFollowedByItsWholeName() async throws {
        let store = InMemoryEventStore()
        for name in ["a", "ab", "a"] as [StreamName] { try await Self.append(1, to: name, in: store) }
        try await ServedStore.serving(store) { served async throws in
            var blocks = try await Self.follow(served, "?stream=a")
            try await Self.expect("id", "1", in: &blocks)
            try await Self.expect("id", "3", in: &blocks)
            try await Self.expect("event", "$caught-up", in: &blocks)
        }
    }

    @Test func aFollowerIsToldThatTheServerEnds() async throws {
        try await ServedStore.stopping { served, stop in
            var blocks = try await Self.follow(served)
            try await Self.expect("event", "$caught-up", in: &blocks)
            await stop()
            let next = try await blocks.next()
            #expect(next == nil)
        }
    }

    @Test func aPlaceThatIsNoneIsRefused() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.get("/v1/log/follow?after=soon").status == 400)
        }
    }
}
