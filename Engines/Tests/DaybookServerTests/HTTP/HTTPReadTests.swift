import DaybookCore
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPReadTests {
    /// Appends events 0, 1, … by turns to `order-0` and `order-1`.
    private static func store(events: Int) async throws -> InMemoryEventStore {
        let store = InMemoryEventStore()
        for index in 0..<events {
            let event = NewEvent(
                type: index % 3 == 0 ? "Placed" : "Shipped", data: Array("\(index)".utf8), tags: ["all"])
            try await store.append([event], to: try StreamName("order-\(index % 2)"))
        }
        return store
    }

    private static func data(_ page: [String: Any]) throws -> [Int] {
        try #require(page["events"] as? [[String: Any]]).map { try #require($0["data"] as? Int) }
    }

    /// Reads page by page, by their links.
    private static func follow(_ path: String, _ link: String, at served: ServedStore) async throws -> [Int] {
        var found: [Int] = []
        var next: String? = path
        while let path = next {
            let answer = try await served.get(path)
            #expect(answer.status == 200)
            let page = try answer.json()
            found += try data(page)
            next = page[link] as? String
        }
        return found
    }

    @Test func theLinksOfPagesLeadToTheEnd() async throws {
        try await ServedStore.serving(try await Self.store(events: 25)) { served async throws in
            #expect(try await Self.follow("/v1/log?limit=7", "next", at: served) == Array(0..<25))
            #expect(
                try await Self.follow("/v1/log?limit=7&direction=backward", "next", at: served)
                    == Array((0..<25).reversed()))
            #expect(
                try await Self.follow("/v1/streams/order-1?limit=5", "next", at: served)
                    == Array(stride(from: 1, to: 25, by: 2)))
            #expect(
                try await Self.follow("/v1/streams/order-0?limit=5&direction=backward", "next", at: served)
                    == Array(stride(from: 24, through: 0, by: -2)))
            #expect(
                try await Self.follow("/v1/log?limit=2&type=Placed&streamPrefix=order-1", "next", at: served)
                    == [3, 9, 15, 21])
        }
    }

    @Test func theLinkToThePreviousPageLeadsBack() async throws {
        try await ServedStore.serving(try await Self.store(events: 25)) { served async throws in
            let page = try await served.get("/v1/log?from=11&limit=5").json()
            let previous = try #require(page["previous"] as? String)
            #expect(try Self.data(try await served.get(previous).json()) == [9, 8, 7, 6, 5])
            let first = try await served.get("/v1/log?limit=5").json()
            #expect(first["previous"] is NSNull)
        }
    }

    @Test func linesGoToTheEnd() async throws {
        try await ServedStore.serving(try await Self.store(events: 1_300)) { served async throws in
            let answer = try await served.get("/v1/log", accept: "application/x-ndjson")
            #expect(answer.headers.first(name: "content-type") == "application/x-ndjson")
            #expect(answer.lines.count == 1_300)
            #expect(answer.lines.last?.contains(#""position":1300,"#) == true)
            let some = try await served.get("/v1/streams/order-0?limit=601", accept: "application/x-ndjson")
            #expect(some.lines.count == 601)
        }
    }

    @Test func dataKeepsItsText() async throws {
        let store = InMemoryEventStore()
        try await store.append([NewEvent(type: "T", data: Array(#"{"n": 1.10, "big":1e400}"#.utf8))], to: "a")
        try await store.append([NewEvent(type: "T", contentType: .bytes, data: [0, 1, 255])], to: "a")
        try await ServedStore.serving(store) { served async throws in
            let text = try await served.get("/v1/streams/a").text
            #expect(text.contains(#""data":{"n": 1.10, "big":1e400}"#))
            #expect(text.contains(#""dataBase64":"AAH/""#))
        }
    }

    @Test func eventsAreThereAsCloudEvents() async throws {
        try await ServedStore.serving(try await Self.store(events: 3)) { served async throws in
            let answer = try await served.get("/v1/log?limit=2", accept: "application/cloudevents-batch+json")
            #expect(answer.headers.first(name: "content-type") == "application/cloudevents-batch+json")
            #expect(answer.headers.first(name: "link")?.contains(#"rel="next""#) == true)
            let events = try #require(
                try JSONSerialization.jsonObject(with: Data(answer.body)) as? [[String: Any]])
            #expect(events.count == 2)
            #expect(events[0]["specversion"] as? String == "1.0")
            #expect(events[0]["subject"] as? String == "order-0")
            #expect(events[1]["position"] as? String == "2")
        }
    }

    @Test func aStreamThatIsNotThereIsNotFound() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.get("/v1/streams/a")
            #expect(answer.status == 404)
            #expect(try answer.json()["streamStatus"] as? String == "missing")
        }
    }

    @Test func namesWithSlashesAreOneName() async throws {
        try await ServedStore.serving { served async throws in
            _ = try await served.append("1", to: "a/b é")
            let answer = try await served.get("/v1/streams/a%2Fb%20%C3%A9")
            #expect(try answer.json()["stream"] as? String == "a/b é")
        }
    }

    @Test(arguments: ["limit=0", "limit=10001", "limit=x", "from=-1", "direction=up", "limt=1", "tag=", "category=a-b"])
    func whatCannotBeUnderstoodIsTold(_ query: String) async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.get("/v1/log?\(query)")
            #expect(answer.status == 400)
            #expect(answer.headers.first(name: "content-type") == "application/problem+json")
        }
    }

    @Test func aFormThatIsNotThereIsRefused() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.get("/v1/log", accept: "text/html").status == 406)
        }
    }
}
