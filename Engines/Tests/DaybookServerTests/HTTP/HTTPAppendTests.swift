import DaybookCore
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPAppendTests {
    @Test func anAppendIsRecordedAndAnswered() async throws {
        let store = InMemoryEventStore()
        try await ServedStore.serving(store) { served async throws in
            let answer = try await served.append(#"{"price": 1.10}"#, to: "order-1", expected: "\"noStream\"")
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == "application/json")
            #expect(answer.headers.first(name: "date")?.hasSuffix("GMT") == true)
            let json = try answer.json()
            #expect(json["position"] as? Int == 1)
            #expect(json["count"] as? Int == 1)
            #expect(json["repeat"] as? Bool == false)
            let events = try await store.readPage(of: "order-1", from: .start, direction: .forward, limit: 10).events
            #expect(events.map { Array($0.data) } == [Array(#"{"price": 1.10}"#.utf8)])
        }
    }

    @Test func severalStreamsAChecksAndACommandAreOneAppend() async throws {
        try await ServedStore.serving { served async throws in
            let body = #"""
                {"commandID": "transfer-1",
                 "writes": [{"stream": "account-1", "expected": "noStream", "events": [{"type": "Out", "data": 5}]},
                            {"stream": "account-2", "events": [{"type": "In", "dataBase64": "AAH/"}]}],
                 "checks": [{"stream": "limits", "expected": "noStream"}],
                 "condition": {"items": [{"types": ["Closed"], "tags": ["account:1"]}]}}
                """#
            let first = try await served.post("/v1/append", body)
            #expect(first.status == 200)
            let again = try await served.post("/v1/append", body)
            #expect(try again.json()["repeat"] as? Bool == true)
            #expect(try again.json()["position"] as? Int == 2)
            let receipt = try await served.get("/v1/receipts/transfer-1")
            #expect(try receipt.json()["position"] as? Int == 2)
            let other = try await served.post(
                "/v1/append",
                #"{"commandID":"transfer-1","writes":[{"stream":"account-3","events":[{"type":"Out","data":6}]}]}"#)
            #expect(other.status == 409)
            #expect(try other.json()["code"] as? String == "commandReused")
        }
    }

    @Test func aConflictTellsWhatIsThere() async throws {
        try await ServedStore.serving { served async throws in
            _ = try await served.append("1", to: "a")
            let answer = try await served.append("2", to: "a", expected: "7")
            #expect(answer.status == 409)
            #expect(answer.headers.first(name: "content-type") == "application/problem+json")
            let problem = try answer.json()
            #expect(problem["code"] as? String == "wrongExpectedVersion")
            #expect(problem["expected"] as? Int == 7)
            #expect(problem["actual"] as? Int == 0)
            #expect(problem["mayBeWritten"] as? Bool == false)
        }
    }

    @Test func aConditionTellsWhichEventIsInTheWay() async throws {
        try await ServedStore.serving { served async throws in
            _ = try await served.append("1", to: "a", tag: "owner:17")
            let answer = try await served.post(
                "/v1/append",
                #"{"writes":[{"stream":"b","events":[{"type":"T","data":1}]}],"condition":{"items":[{"tags":["owner:17"]}]}}"#
            )
            #expect(answer.status == 409)
            #expect(try answer.json()["conflict"] as? Int == 1)
        }
    }

    @Test func aStreamThatIsDeletedForGoodIsGone() async throws {
        try await ServedStore.serving { served async throws in
            _ = try await served.append("1", to: "a")
            let deleted = try await served.send(served.request(.DELETE, "/v1/streams/a?permanently=true"))
            #expect(deleted.status == 200)
            #expect(try await served.append("1", to: "a").status == 410)
            #expect(try await served.get("/v1/streams/a").status == 410)
        }
    }

    @Test(arguments: [
        ("{", 400, "malformedJSON"), ("[]", 400, "malformedField"),
        (#"{"writes":[{"stream":""}]}"#, 400, "malformedField"),
        (#"{"wrtes":[]}"#, 400, "malformedField"), ("{}", 400, "invalid"),
        (#"{"writes":[{"stream":"$$a","events":[{"type":"T"}]}]}"#, 400, "invalid"),
        (#"{"writes":[{"stream":"a","events":[]}]}"#, 400, "invalid"),
    ])
    func whatCannotBeUnderstoodIsTold(_ body: String, _ status: Int, _ code: String) async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.post("/v1/append", body)
            #expect(answer.status == status)
            #expect(try answer.json()["code"] as? String == code)
        }
    }

    @Test func theFieldThatIsWrongIsNamed() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.post(
                "/v1/append", #"{"writes":[{"stream":"a","events":[{"type":"T"},{"type":7}]}]}"#)
            #expect(try answer.json()["field"] as? String == "writes[0].events[1].type")
        }
    }

    @Test func tooMuchIsRefused() async throws {
        try await ServedStore.serving { served async throws in
            let event = try await served.append("\"\(String(repeating: "x", count: 1 << 20))\"", to: "a")
            #expect(event.status == 413)
            #expect(try event.json()["limit"] as? Int == Limits.eventBytes)
            let body = try await served.post("/v1/append", String(repeating: " ", count: 2 * Limits.appendBytes + 1))
            #expect(body.status == 413)
            #expect(try body.json()["code"] as? String == "bodyTooLarge")
        }
    }

    @Test func otherMediaTypesAreRefused() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.post("/v1/append", "{}", type: "text/plain")
            #expect(answer.status == 415)
        }
    }

    @Test func requestsForOtherHostsAreRefused() async throws {
        try await ServedStore.serving { served async throws in
            let answer = try await served.send(served.request(.GET, "/version", headers: ["host": "evil.example"]))
            #expect(answer.status == 421)
        }
    }

    @Test func unknownPathsAndMethodsAreTold() async throws {
        try await ServedStore.serving { served async throws in
            #expect(try await served.get("/v2/log").status == 404)
            let answer = try await served.get("/v1/append")
            #expect(answer.status == 405)
            #expect(answer.headers.first(name: "allow") == "POST")
        }
    }
}
