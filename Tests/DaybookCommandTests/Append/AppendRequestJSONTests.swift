import DaybookCore
import Testing

@testable import DaybookCommand

@Suite("A request line")
struct AppendRequestJSONTests {
    private func parse(_ line: String) throws -> AppendRequest { try AppendRequest(jsonLine: Array(line.utf8)[...]) }

    @Test("says everything that a request can")
    func whole() throws {
        let request = try parse(
            #"{"commandID":"c-1","writes":[{"stream":"order-1","expected":7,"events":[{"id":"0190a6f2-0000-7000-8000-000000000001","type":"Placed","data":{"price": 1.10},"schemaVersion":3,"metadata":{"$actor":"mia"},"tags":["owner:17"]},{"type":"Scanned","dataBase64":"AAH/"}]},{"stream":"a","delete":true,"expected":"streamExists"},{"stream":"b","tombstone":true},{"stream":"c","retention":{"maxCount":5,"maxAgeSeconds":1.5,"truncateBefore":2},"metadata":{"$reason":"law"}}],"checks":[{"stream":"limits","expected":"noStream"}],"condition":{"after":12,"items":[{"types":["T"],"tags":["a:b"]}]}}"#
        )
        #expect(request.commandID == "c-1")
        #expect(request.writes.map(\.stream) == ["order-1", "a", "b", "c"])
        #expect(request.writes.map(\.expected) == [.version(7), .streamExists, .any, .any])
        guard case .append(let events) = request.writes[0].action else { throw Mismatch() }
        #expect(events[0].data == Array(#"{"price": 1.10}"#.utf8))
        #expect(events[0].schemaVersion == 3)
        #expect(events[0].metadata == Array(#"{"$actor":"mia"}"#.utf8))
        #expect(events[0].tags == ["owner:17"])
        #expect(events[0].id.description == "0190a6f2-0000-7000-8000-000000000001")
        #expect(events[1].data == [0, 1, 255])
        #expect(events[1].contentType == .bytes)
        #expect(request.writes[1].action == .delete)
        #expect(request.writes[2].action == .tombstone)
        #expect(
            request.writes[3].action
                == .setRetention(Retention(maxAge: .microseconds(1_500_000), maxCount: 5, truncateBefore: 2)))
        #expect(request.writes[3].metadata == Array(#"{"$reason":"law"}"#.utf8))
        #expect(request.checks == [StreamCheck(stream: "limits", expected: .noStream)])
        #expect(
            request.condition
                == AppendCondition(failIfEventsMatch: EventQuery(types: ["T"], tags: ["a:b"]), after: 12))
    }

    private struct Mismatch: Error {}

    @Test(
        "that is malformed is refused, with the way to what is wrong",
        arguments: [
            (#"[]"#, "The line is an array"),
            (#"{"writes":{}}"#, "'writes'"),
            (#"{"writes":[3]}"#, "'writes[0]'"),
            (#"{"writes":[{"events":[]}]}"#, "'writes[0].stream' is missing"),
            (#"{"writes":[{"stream":"","events":[]}]}"#, "'writes[0].stream'"),
            (#"{"writes":[{"stream":"s"}]}"#, "'writes[0]' has 0 of"),
            (#"{"writes":[{"stream":"s","delete":true,"tombstone":true}]}"#, "'writes[0]' has 2 of"),
            (#"{"writes":[{"stream":"s","expected":-1,"delete":true}]}"#, "'writes[0].expected' is -1"),
            (#"{"writes":[{"stream":"s","expected":"maybe","delete":true}]}"#, "'writes[0].expected'"),
            (#"{"writes":[{"stream":"s","expected":1.5,"delete":true}]}"#, "'writes[0].expected'"),
            (#"{"writes":[{"stream":"s","events":[{"data":1}]}]}"#, "'writes[0].events[0].type' is missing"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","id":"x"}]}]}"#, "'writes[0].events[0].id'"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","dataBase64":"*"}]}]}"#, "dataBase64"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","data":1,"dataBase64":"AA=="}]}]}"#, "keep one"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","schemaVersion":0}]}]}"#, "schemaVersion"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","schemaVersion":4294967296}]}]}"#, "schemaVersion"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","tags":[1]}]}]}"#, "tags[0]"),
            (#"{"writes":[{"stream":"s","events":[{"type":"T","tgas":[]}]}]}"#, "'writes[0].events[0].tgas'"),
            (#"{"writes":[{"stream":"s","retention":{"maxAgeSeconds":1e300}}]}"#, "maxAgeSeconds"),
            (#"{"writes":[{"stream":"s","retention":{"maxCount":99999999999999999999}}]}"#, "maxCount"),
            (#"{"checks":[{"stream":"s"}]}"#, "'checks[0].expected' is missing"),
            (#"{"condition":{"after":-1,"items":[]}}"#, "'condition.after'"),
            (#"{"commandID":7}"#, "'commandID'"),
            (#"{"commandID":"a","commandID":"b"}"#, "'commandID' stands twice"),
            (#"{"commandID":"a\u0000"}"#, "'commandID'"),
            (#"{"comandID":"a"}"#, "'comandID' is no known field"),
            (#"{"commandID":"a"} x"#, "not JSON"),
        ])
    func malformed(line: String, wanted: String) {
        let error = #expect(throws: RequestLineError.self) { try parse(line) }
        #expect(error?.description.contains(wanted) == true, "\(error?.description ?? "nothing")")
    }
}
