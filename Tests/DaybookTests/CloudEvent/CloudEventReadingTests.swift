import Daybook
import DaybookCore
import Testing

@Suite("A cloud event that is read")
struct CloudEventReadingTests {
    private let event = CloudEvent(
        id: "7", source: "/bank", type: "account.opened", subject: "account-1",
        time: Timestamp("2012-06-21T09:30:00.000001Z"), data: Array(#"{"cents":1.10,"name":"é"}"#.utf8),
        extensions: ["partitionkey": "account-1", "position": "12"])

    @Test("is the same after a way through either form")
    func bothForms() throws {
        #expect(try CloudEvent(json: event.json) == event)
        #expect(try CloudEvent(attributes: event.attributes, data: event.data) == event)
        var bytes = event
        (bytes.contentType, bytes.data) = ("application/octet-stream", [0, 255, 10])
        #expect(try CloudEvent(json: bytes.json) == bytes)
        let bare = CloudEvent(id: "1", source: "s", type: "t", data: [])
        #expect(try CloudEvent(attributes: bare.attributes, data: []) == bare)
    }

    @Test("is read as others write it")
    func foreign() throws {
        let read = try CloudEvent(
            json: Array(
                #"{"specversion":"1.0","id":"1","source":"s","type":"t","n":5,"b":true,"none":null,"data":"text","datacontenttype":"text/plain"}"#
                    .utf8))
        #expect(read.extensions == ["n": "5", "b": "true"])
        #expect(read.data == Array("text".utf8))
        #expect(read.time == nil && read.subject == nil && read.orderingKey == "s")
        let noData = try CloudEvent(json: Array(#"{"specversion":"1.0","id":"1","source":"s","type":"t"}"#.utf8))
        #expect(noData.data.isEmpty && noData.contentType == .json)
        // A JSON string is data like any other.
        let string = try CloudEvent(
            json: Array(#"{"specversion":"1.0","id":"1","source":"s","type":"t","data":"text"}"#.utf8))
        #expect(string.data == Array(#""text""#.utf8))
    }

    @Test(
        "is refused when it is none, with the reason",
        arguments: [
            (#"{"specversion":"1.0","source":"s","type":"t"}"#, InvalidCloudEvent.Reason.missing("id")),
            (#"{"specversion":"1.0","id":"","source":"s","type":"t"}"#, .empty("id")),
            (#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#, .version("0.3")),
            (
                #"{"specversion":"1.0","id":"1","source":"s","type":"t","time":"noon"}"#,
                .malformed("time", "'noon' is no date and time of RFC 3339.")
            ),
            (
                #"{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="}"#,
                .malformed("data_base64", "There is 'data' too.")
            ),
            (
                #"{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"?"}"#,
                .malformed("data_base64", "It is not base 64.")
            ),
            (
                #"{"specversion":"1.0","id":"1","source":"s","type":"t","Camel":"x"}"#,
                .malformed("Camel", "The names of attributes are lower-case letters and digits of ASCII.")
            ),
            ("[]", .notJSON("It is no object.")),
        ])
    func refused(_ text: String, _ reason: InvalidCloudEvent.Reason) {
        #expect(throws: InvalidCloudEvent(reason)) { try CloudEvent(json: Array(text.utf8)) }
    }

    @Test("is refused with an attribute that would stand for its data")
    func dataAttribute() {
        #expect(throws: InvalidCloudEvent(.malformed("data", "No attribute has this name."))) {
            let names = ["specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": "x"]
            return try CloudEvent(attributes: names.map { (name: $0.key, value: $0.value) }, data: [])
        }
    }

    @Test("is refused when its bytes are no JSON")
    func notJSON() {
        #expect(throws: InvalidCloudEvent.self) { try CloudEvent(json: Array("{".utf8)) }
    }
}
