import DaybookCore
import Foundation
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPStreamTests {
    @Test func theStateTellsWhatToExpect() async throws {
        try await ServedStore.serving { served async throws in
            let missing = try await served.get("/v1/streams/a/state").json()
            #expect(missing["status"] as? String == "missing")
            #expect(missing["expected"] as? String == "noStream")
            _ = try await served.append("1", to: "a")
            let live = try await served.get("/v1/streams/a/state").json()
            #expect(live["version"] as? Int == 0)
            #expect(live["expected"] as? Int == 0)
        }
    }

    @Test func retentionIsSetAndTold() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            for _ in 0..<3 { _ = try await served.append("1", to: "a") }
            var request = served.request(.PUT, "/v1/streams/a/retention?actor=mia&reason=law&expected=2")
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(string: #"{"maxCount":2,"maxAgeSeconds":86400.5}"#))
            #expect(try await served.send(request).status == 200)
            #expect(
                try await store.state(of: "a").retention == Retention(maxAge: .milliseconds(86_400_500), maxCount: 2))
            let state = try await served.get("/v1/streams/a/state")
            #expect(state.text.contains(#""retention":{"maxCount":2,"maxAgeSeconds":86400.5}"#))
            #expect(try #require(try await served.get("/v1/streams/a").json()["events"] as? [Any]).count == 2)
            let control = try await store.readPage(of: "$$a", from: .start, direction: .forward, limit: 1).events
            let metadata = try EventMetadata(decoding: try #require(control.first).metadata)
            #expect(metadata.actor == "mia" && metadata.reason == "law")
        }
    }

    @Test func aDeletedStreamIsNotFoundAndMayBeBegunAnew() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.send(served.request(.DELETE, "/v1/streams/a")).status == 404)
            _ = try await served.append("1", to: "a")
            #expect(try await served.send(served.request(.DELETE, "/v1/streams/a?expected=7")).status == 409)
            #expect(try await served.send(served.request(.DELETE, "/v1/streams/a")).status == 200)
            let answer = try await served.get("/v1/streams/a")
            #expect(answer.status == 404)
            #expect(try answer.json()["streamStatus"] as? String == "deleted")
            #expect(try await served.append("2", to: "a", expected: "\"noStream\"").status == 200)
            #expect(try await served.get("/v1/streams/a").json()["version"] as? Int == 1)
        }
    }

    @Test func namesComeInPages() async throws {
        try await ServedStore.serving { served async throws in
            for name in ["c", "a b", "b"] { _ = try await served.append("1", to: name) }
            let first = try await served.get("/v1/streams?limit=2").json()
            #expect(first["streams"] as? [String] == ["c", "a b"])
            let second = try await served.get(try #require(first["next"] as? String)).json()
            #expect(second["streams"] as? [String] == ["b"])
            #expect(second["next"] is NSNull)
        }
    }

    @Test func aCommandThatWasNotRecordedIsNotFound() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.get("/v1/receipts/c-1").status == 404)
        }
    }
}
