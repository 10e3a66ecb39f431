import Foundation
import Testing

@testable import DaybookWebhook

@Suite("The signature of a webhook")
struct WebhookSignatureTests {
    /// Made by `scripts/webhook-vectors` with the package of Standard Webhooks for Python.
    struct Vector: Decodable, Sendable {
        var secret: String
        var id: String
        var timestamp: Int64
        var body: String
        var signature: String
    }

    static let vectors: [Vector] = {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/standard-webhooks.json")
        return try! JSONDecoder().decode([Vector].self, from: Data(contentsOf: url))
    }()

    @Test("is that of another implementation")
    func vectors() throws {
        #expect(Self.vectors.count >= 8)
        for vector in Self.vectors {
            let secret = try WebhookSecret(vector.secret)
            let body = Array(Data(base64Encoded: vector.body)!)
            let header = WebhookSignature.header(
                id: vector.id, timestamp: "\(vector.timestamp)", body: body, secrets: [secret])
            #expect(header == vector.signature)
            #expect(
                WebhookSignature.isValid(
                    vector.signature, id: vector.id, timestamp: "\(vector.timestamp)", body: body, secrets: [secret]))
        }
    }

    @Test("fits only what was signed")
    func mutations() {
        let body = Array(#"{"test": 2432232314}"#.utf8)
        let header = WebhookSignature.header(id: "msg", timestamp: "1614265330", body: body, secrets: [Samples.secret])
        func isValid(
            _ header: String, id: String = "msg", timestamp: String = "1614265330", body: [UInt8]? = nil,
            secrets: [WebhookSecret] = [Samples.secret], _ original: [UInt8]
        ) -> Bool {
            WebhookSignature.isValid(header, id: id, timestamp: timestamp, body: body ?? original, secrets: secrets)
        }
        #expect(isValid(header, body))
        for index in body.indices {
            var changed = body
            changed[index] ^= 1
            #expect(!isValid(header, body: changed, body))
        }
        #expect(!isValid(header, id: "msh", body))
        #expect(!isValid(header, timestamp: "1614265331", body))
        #expect(!isValid(header, secrets: [Samples.otherSecret], body))
        #expect(!isValid("v1a," + header.dropFirst(3), body))
        #expect(!isValid(String(header.dropFirst(3)), body))
        #expect(!isValid("v1,", body))
        #expect(!isValid("v1,AAAA", body))
        #expect(!isValid("", body))
    }

    @Test("of several secrets fits each of them, and one that fits is enough")
    func rotation() {
        let both = WebhookSignature.header(
            id: "1", timestamp: "2", body: [3], secrets: [Samples.secret, Samples.otherSecret])
        #expect(both.split(separator: " ").count == 2)
        for secret in [Samples.secret, Samples.otherSecret] {
            #expect(WebhookSignature.isValid(both, id: "1", timestamp: "2", body: [3], secrets: [secret]))
            let one = WebhookSignature.header(id: "1", timestamp: "2", body: [3], secrets: [secret])
            #expect(
                WebhookSignature.isValid(
                    "v9,zzz " + one, id: "1", timestamp: "2", body: [3], secrets: [Samples.otherSecret, Samples.secret])
            )
        }
    }

    @Test("has a secret of 24 to 64 bytes, which nothing shows")
    func secrets() throws {
        #expect(throws: InvalidWebhookSecret(bytes: 3)) { try WebhookSecret("whsec_AAAA") }
        #expect(throws: InvalidWebhookSecret(bytes: nil)) { try WebhookSecret("whsec_not base 64") }
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let secret = try WebhookSecret(text)
        #expect(secret.text == text)
        var dumped = ""
        dump([secret], to: &dumped)
        for shown in ["\(secret)", "\([secret])", String(reflecting: secret), dumped] {
            #expect(!shown.contains("MfKQ"))
        }
        #expect(try WebhookSecret(WebhookSecret.random().text).text.count == 50)
    }

    @Test("has a time in plain seconds", arguments: ["+1", "01", "1.0", " 1", "", "1e3", "99999999999999999999"])
    func times(_ text: String) { #expect(WebhookSignature.seconds(text) == nil) }
}
