#if Kinesis
import Crypto
import DaybookCore

/// Signs requests as AWS asks for: Signature Version 4
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), for a POST to `/`, which is
/// all that the JSON services take.
struct AWSSignatureV4: Sendable {
    let region: String
    let service: String

    /// The headers of a signed request: those given, and `X-Amz-Date`, `X-Amz-Security-Token` when there is a session, and
    /// `Authorization`. Every one of them is signed, so that none may change on the way.
    ///
    /// - Parameter headers: With `Host`; of each name one.
    func sign(
        _ headers: [(name: String, value: String)], body: [UInt8], with credentials: AWSCredentials, at time: Timestamp
    ) -> [(name: String, value: String)] {
        let date = Self.date(time)
        let day = String(date.prefix(8))
        var headers = headers
        headers.append(("X-Amz-Date", date))
        if let token = credentials.sessionToken { headers.append(("X-Amz-Security-Token", token)) }
        let signed = headers.map { ($0.name.lowercased(), Self.canonical($0.value)) }.sorted { $0.0 < $1.0 }
        let names = signed.map(\.0).joined(separator: ";")
        let request = """
            POST
            /

            \(signed.map { "\($0.0):\($0.1)\n" }.joined())
            \(names)
            \(Self.hex(SHA256.hash(data: body)))
            """
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = """
            AWS4-HMAC-SHA256
            \(date)
            \(scope)
            \(Self.hex(SHA256.hash(data: Array(request.utf8))))
            """
        var key = Self.code(day, key: Array("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [region, service, "aws4_request", text] { key = Self.code(part, key: key) }
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(Self.hex(key))"
        headers.append(("Authorization", authorization))
        return headers
    }

    /// `20260102T030405Z`
    static func date(_ time: Timestamp) -> String {
        String(time.description.prefix { $0 != "." }.filter { $0 != "-" && $0 != ":" }) + "Z"
    }

    /// Without white space at the ends, and with one space where several stand.
    private static func canonical(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }

    private static func code(_ text: String, key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
#endif
