import Foundation
import Testing

@testable import DaybookServer

@Suite("Credentials") struct CredentialsTests {
    private static func basic(_ text: String) -> String { "Basic " + Data(text.utf8).base64EncodedString() }

    @Test("are read from the header of HTTP and of gRPC")
    func read() {
        #expect(Credentials(authorization: nil) == .none)
        #expect(Credentials(authorization: Self.basic("ada:s3cret")) == .basic(login: "ada", password: "s3cret"))
        #expect(Credentials(authorization: Self.basic("ada:a:b")) == .basic(login: "ada", password: "a:b"))
        #expect(Credentials(authorization: Self.basic("ada:")) == .basic(login: "ada", password: ""))
        #expect(Credentials(authorization: "bAsIc YTpi") == .basic(login: "a", password: "b"))
        #expect(Credentials(authorization: "Bearer abc") == .bearer(token: "abc"))
        #expect(Credentials(authorization: nil, certificate: "ada") == .certificate(commonName: "ada"))
        let end = ContinuousClock.now
        let shown = Credentials(authorization: nil, certificate: "ada", until: end)
        #expect(shown == .certificate(commonName: "ada", end: end))
    }

    @Test(
        "that cannot be read are wrong, and not none",
        arguments: [
            "", "Basic", "Basic ", "Basic !!!", "Digest abc", "Bearer ", "Basic YQ==", "Basic //79OmI=",
            "Basic " + Data("a b:c".utf8).base64EncodedString(),
            "Basic " + Data("\u{E9}:c".utf8).base64EncodedString(),
            "Basic " + Data((String(repeating: "a", count: 129) + ":c").utf8).base64EncodedString(),
            "Basic " + Data(("a:" + String(repeating: "c", count: 1_025)).utf8).base64EncodedString(),
            "Bearer " + String(repeating: "c", count: 8 << 10),
        ])
    func malformed(_ header: String) {
        #expect(Credentials(authorization: header) == .malformed)
        #expect(Credentials(authorization: header, certificate: "ada") == .malformed)
    }
}
