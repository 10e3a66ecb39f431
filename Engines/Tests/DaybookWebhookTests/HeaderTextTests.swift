import NIOHTTP1
import ScriptedServer
import Testing

@testable import Daybook
@testable import DaybookWebhook

@Suite("Attributes in headers")
struct HeaderTextTests {
    @Test(
        "are percent-encoded as the HTTP binding says",
        arguments: [
            ("plain-1.0/~", "plain-1.0/~"), ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("a\"b%c", "a%22b%25c"), ("line\r\nbreak", "line%0D%0Abreak"), ("\u{7F}", "%7F"),
        ])
    func encodes(_ text: String, _ header: String) {
        #expect(HeaderText.encoded(text) == header)
        #expect(HeaderText.decoded(header) == text)
    }

    @Test(
        "are read from other writings of the same text",
        arguments: [
            ("Euro%20%e2%82%ac", "Euro €"), ("\"quoted text\"", "quoted text"), (#""a \"b\" \\c%20d""#, #"a "b" \c d"#),
            ("%41%42", "AB"), ("with space", "with space"), ("", ""),
        ])
    func decodes(_ header: String, _ text: String) { #expect(HeaderText.decoded(header) == text) }

    @Test(
        "are refused when they are broken",
        arguments: ["%", "%4", "%4G", "%C0%A0", "%ED%A0%80", "%FF", "\"open", #""\""#])
    func refuses(_ header: String) { #expect(HeaderText.decoded(header) == nil) }

    @Test("come back as they were, whatever the text")
    func roundTrip() {
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<2_000 {
            let scalars = (0..<Int.random(in: 0...20, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x2FFF, using: &generator))
            }
            let text = String(String.UnicodeScalarView(scalars))
            let header = HeaderText.encoded(text)
            #expect(header.utf8.allSatisfy { (0x21...0x7E).contains($0) })
            #expect(HeaderText.decoded(header).map { Array($0.utf8) } == Array(text.utf8), "\(scalars)")
        }
    }

    @Test("carry an event there and back in the binary form")
    func binary() throws {
        var event = Samples.event("kontó/1 %", 3, data: "\u{0}\u{1}raw")
        event.contentType = "application/octet-stream"
        event.extensions["note"] = "\"quoted\" – ☃"
        let headers = try #require(event.binaryHeaders)
        #expect(headers["ce-note"] == ["%22quoted%22%20%E2%80%93%20%E2%98%83"])
        #expect(headers["content-type"] == ["application/octet-stream"])
        #expect(try CloudEvent(binaryHeaders: headers, body: event.data) == event)
    }

    @Test("are refused when one stands there twice")
    func twice() throws {
        var headers = try #require(Samples.event("a", 1).binaryHeaders)
        headers.add(name: "CE-Type", value: "account.closed")
        #expect(throws: InvalidCloudEvent.self) { try CloudEvent(binaryHeaders: headers, body: []) }
    }
}
