import Daybook
import DaybookCore
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPCloudEventTests {
    private static let event =
        #"{"specversion":"1.0","id":"e-1","source":"/shop","type":"Placed","subject":"s","data":{"n":1}}"#

    private static func events(_ store: InMemoryEventStore) async throws -> [RecordedEvent] {
        try await store.readPage(of: "inbox", from: .start, direction: .forward, limit: 10).events
    }

    @Test func aStructuredEventIsRecordedOnce() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            for isRepeat in [false, true] {
                let answer = try await served.post(
                    "/v1/cloudevents/inbox", Self.event, type: "application/cloudevents+json")
                #expect(answer.status == 200)
                #expect(try answer.json()["repeat"] as? Bool == isRepeat)
            }
        }
        let recorded = try await Self.events(store)
        #expect(recorded.count == 1)
        #expect(recorded[0].type == "Placed")
        #expect(recorded[0].data.elementsEqual(#"{"n":1}"#.utf8))
        let metadata = try EventMetadata(decoding: recorded[0].metadata)
        #expect(metadata.additional["ce-source"] == "/shop")
        #expect(metadata.additional["ce-subject"] == "s")
    }

    @Test func aBatchIsRecordedAsAWhole() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            let type = "application/cloudevents-batch+json"
            let other = Self.event.replacing("e-1", with: "e-2")
            #expect(
                try await served.post("/v1/cloudevents/inbox", "[\(Self.event),\(other)]", type: type).status == 200)
            #expect(try await served.post("/v1/cloudevents/inbox", "[\(Self.event),{}]", type: type).status == 400)
            #expect(try await served.post("/v1/cloudevents/inbox", "[]", type: type).status == 400)
        }
        #expect(try await Self.events(store).count == 2)
    }

    @Test func aBinaryEventHasItsAttributesInHeaders() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            let answer = try await served.post(
                "/v1/cloudevents/inbox", "abc", type: "text/plain",
                headers: [
                    "ce-specversion": "1.0", "ce-id": "0190a6f2-0000-7000-8000-000000000001", "ce-source": "/shop",
                    "ce-type": "Noted", "ce-time": "2026-01-02T03:04:05Z", "ce-traceparent": "00-ab-cd-01",
                ])
            #expect(answer.status == 200)
        }
        let event = try #require(try await Self.events(store).first)
        #expect(event.id.description == "0190a6f2-0000-7000-8000-000000000001")
        #expect(event.contentType == "text/plain")
        #expect(event.data.elementsEqual("abc".utf8))
        let metadata = try EventMetadata(decoding: event.metadata)
        #expect(metadata.occurredAt == Timestamp("2026-01-02T03:04:05Z"))
        #expect(metadata.traceParent == "00-ab-cd-01")
    }

    @Test func whatIsNoCloudEventIsRefused() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.post("/v1/cloudevents/inbox", "{}")
            #expect(answer.status == 400)
            #expect(try answer.json()["code"] as? String == "malformedCloudEvent")
        }
    }
}
