import DaybookCore
import Foundation
import Testing

@testable import DaybookKinesis

@Suite("Signature Version 4")
struct AWSSignatureV4Tests {
    /// Made by `scripts/signature-vectors` with botocore.
    struct Vector: Decodable, Sendable {
        var region: String
        var service: String
        var accessKeyID: String
        var secretAccessKey: String
        var sessionToken: String?
        var time: String
        var headers: [[String]]
        var body: String
        var authorization: String
    }

    @Test("is that of botocore")
    func vectors() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/signature-v4.json")
        let vectors = try JSONDecoder().decode([Vector].self, from: Data(contentsOf: url))
        #expect(vectors.count >= 20)
        #expect(vectors.contains { $0.sessionToken == nil } && vectors.contains { $0.sessionToken != nil })
        for vector in vectors {
            let headers = AWSSignatureV4(region: vector.region, service: vector.service).sign(
                vector.headers.map { ($0[0], $0[1]) }, body: Array(Data(base64Encoded: vector.body)!),
                with: AWSCredentials(
                    accessKeyID: vector.accessKeyID, secretAccessKey: vector.secretAccessKey,
                    sessionToken: vector.sessionToken),
                at: Timestamp(vector.time)!)
            #expect(headers.last?.name == "Authorization")
            #expect(headers.last?.value == vector.authorization)
        }
    }

    @Test("writes the time in seconds, whatever it is")
    func dates() {
        for (text, date) in [
            ("2026-01-02T03:04:05.999999Z", "20260102T030405Z"), ("1999-12-31T23:59:59Z", "19991231T235959Z"),
        ] { #expect(AWSSignatureV4.date(Timestamp(text)!) == date) }
    }

    @Test("shows no secret of its credentials")
    func credentials() throws {
        let credentials = AWSCredentials(accessKeyID: "AKIA", secretAccessKey: "MARK", sessionToken: "MARK")
        var dumped = ""
        dump([credentials], to: &dumped)
        for text in ["\(credentials)", "\([credentials])", String(reflecting: credentials), dumped] {
            #expect(text.contains("AKIA") && !text.contains("MARK"))
        }
        let environment = ["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "MARK"]
        #expect(try AWSCredentials(environment: environment).sessionToken == nil)
        #expect(throws: MissingAWSCredentials(variable: "AWS_SECRET_ACCESS_KEY")) {
            try AWSCredentials(environment: ["AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": ""])
        }
    }
}

@Suite("The address of a Kinesis stream")
struct KinesisStreamTests {
    private func stream(
        _ name: String = "orders", region: String = "eu-central-1", endpoint: String? = nil,
        allowsPlainHTTP: Bool = false
    ) throws -> KinesisStream {
        try KinesisStream(
            name, region: region, credentials: AWSCredentials(accessKeyID: "a", secretAccessKey: "b"),
            endpoint: endpoint,
            allowsPlainHTTP: allowsPlainHTTP)
    }

    @Test("is that of its region, unless another is given")
    func endpoints() throws {
        #expect(try stream().endpoint == "https://kinesis.eu-central-1.amazonaws.com/")
        #expect(try stream().host == "kinesis.eu-central-1.amazonaws.com")
        #expect(try stream(region: "cn-north-1").endpoint == "https://kinesis.cn-north-1.amazonaws.com.cn/")
        #expect(try stream(endpoint: "https://vpce.example:8443").host == "vpce.example:8443")
        #expect(try stream(endpoint: "https://vpce.example:443/").host == "vpce.example")
        #expect(try stream(endpoint: "http://127.0.0.1:4567").host == "127.0.0.1:4567")
        #expect(try stream(endpoint: "http://kinesis.example", allowsPlainHTTP: true).host == "kinesis.example")
    }

    @Test("is refused when it cannot be one")
    func refused() {
        for endpoint in [
            "http://example.com", "ftp://example.com", "https://example.com/path", "https://", "example.com",
        ] {
            #expect(throws: InvalidKinesisStream.endpoint(endpoint)) { try stream(endpoint: endpoint) }
        }
        #expect(throws: InvalidKinesisStream.name("a b")) { try stream("a b") }
        #expect(throws: InvalidKinesisStream.name("")) { try stream("") }
        #expect(throws: InvalidKinesisStream.region("eu.evil.com/")) { try stream(region: "eu.evil.com/") }
    }
}
