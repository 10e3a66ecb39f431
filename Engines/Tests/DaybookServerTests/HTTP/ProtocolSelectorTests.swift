import Testing

@testable import DaybookServer

@Suite struct ProtocolSelectorTests {
    @Test func thePrefaceIsHTTP2HoweverItIsCut() {
        let preface = ProtocolSelector.preface
        for count in 0..<preface.count { #expect(ProtocolSelector.choice(for: preface[..<count]) == nil) }
        #expect(ProtocolSelector.choice(for: preface) == .http2)
        #expect(ProtocolSelector.choice(for: preface + [0, 0, 0, 4]) == .http2)
    }

    @Test(arguments: [
        "G", "PO", "POST /v1/append HTTP/1.1\r\n", "PUT", "PRX", "PRI * HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSX",
        "\r\n",
    ])
    func anythingElseIsHTTP1(_ text: String) { #expect(ProtocolSelector.choice(for: Array(text.utf8)) == .http1) }

    @Test func aPrefaceWithAnotherEndIsHTTP1() {
        #expect(ProtocolSelector.choice(for: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\rX".utf8)) == .http1)
    }
}
