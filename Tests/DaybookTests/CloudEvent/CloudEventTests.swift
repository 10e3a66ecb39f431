import Daybook
import DaybookCore
import Foundation
import Testing

@Suite("A cloud event")
struct CloudEventTests {
    private func event(_ type: ContentType, _ data: [UInt8]) -> CloudEvent {
        CloudEvent(
            id: "17", source: "/bank", type: "account.closed", subject: "account-\u{E9}",
            time: Timestamp(microseconds: 1_700_000_000_000_000), contentType: type, data: data,
            extensions: ["position": "7", "partitionkey": "account-\u{E9}"])
    }

    @Test(
        "is one object of JSON, with its data as JSON where they are",
        arguments: [
            ("application/json", #"{"a":1.10}"#, #""data":{"a":1.10}"#),
            ("application/json; charset=utf-8", "3", #""data":3"#),
            ("application/vnd.bank+json", "null", #""data":null"#),
            ("application/octet-stream", "ab", #""data_base64":"YWI=""#),
            // What says that it is JSON and is not is passed on as it is.
            ("application/json", "{", #""data_base64":"ew==""#),
        ] as [(ContentType, String, String)])
    func json(_ type: ContentType, _ data: String, _ member: String) throws {
        let text = String(decoding: event(type, Array(data.utf8)).json, as: UTF8.self)
        #expect(text.contains(member), "\(text)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["specversion"] as? String == "1.0")
        #expect(object["id"] as? String == "17")
        #expect(object["source"] as? String == "/bank")
        #expect(object["type"] as? String == "account.closed")
        #expect(object["subject"] as? String == "account-\u{E9}")
        #expect(object["time"] as? String == "2023-11-14T22:13:20.000000Z")
        #expect(object["datacontenttype"] as? String == type.rawValue)
        #expect(object["position"] as? String == "7")
        #expect(object.count == 10)
    }

    @Test("tells its attributes in a fixed order, those that every event has first")
    func attributes() {
        let names = event(.json, []).attributes.map(\.name)
        #expect(
            names == [
                "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "partitionkey", "position",
            ])
    }
}
