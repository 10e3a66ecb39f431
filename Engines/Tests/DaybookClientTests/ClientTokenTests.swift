import AsyncHTTPClient
import Crypto
import DaybookClient
import DaybookCore
import DaybookServer
import Foundation
import NIOCore
import NIOHTTP1
import Testing

@Suite("The token of an authority, over the wire", .timeLimit(.minutes(2)))
struct ClientTokenTests {
    /// An authority with a key of each kind, `r` by RSA and `e` on a curve.
    private struct Authority {
        static let issuer = "https://id.example"

        let files: TestCertificates
        let curveKey = P256.Signing.PrivateKey()

        init() throws {
            files = try TestCertificates()
            try files.openssl("genrsa", "-out", "rsa.key", "2048")
            let printed = try files.openssl("rsa", "-in", "rsa.key", "-noout", "-modulus")
            let modulus = String(decoding: printed, as: UTF8.self).split(separator: "=")[1]
            let point = curveKey.publicKey.rawRepresentation
            let rsa =
                #"{"kty":"RSA","use":"sig","alg":"RS256","kid":"r","e":"AQAB","n":"\#(Self.text(Self.bytes(modulus)))"}"#
            let curve =
                #"{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"e","#
                + #""x":"\#(Self.text(point.prefix(32)))","y":"\#(Self.text(point.suffix(32)))"}"#
            try files.write(#"{"keys":[\#(rsa),\#(curve)]}"#, to: "keys.json")
        }

        private static func bytes(_ digits: some StringProtocol) -> Data {
            let digits = Array(digits.filter(\.isHexDigit))
            return Data(
                stride(from: 0, to: digits.count - 1, by: 2).compactMap {
                    UInt8(String(digits[$0...$0 + 1]), radix: 16)
                })
        }

        /// Base 64 for URLs, without padding.
        static func text(_ data: some DataProtocol) -> String {
            Data(data).base64EncodedString().replacingOccurrences(of: "+", with: "-")
                .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
        }

        /// - Parameters:
        ///   - changes: Claims in place of those that are right.
        ///   - signer: By whom it is signed in place of the authority.
        func token(
            _ algorithm: String, key: String, _ changes: [String: String] = [:],
            by signer: P256.Signing.PrivateKey? = nil
        ) throws -> String {
            let now = Int(Date().timeIntervalSince1970)
            var claims = [
                "iss": "\"\(Self.issuer)\"", "aud": "\"daybook\"", "sub": "\"ada\"", "exp": "\(now + 600)",
                "roles": #"["writer","reader"]"#,
            ]
            claims.merge(changes) { $1 }
            let payload = claims.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
            let header = #"{"alg":"\#(algorithm)","typ":"JWT","kid":"\#(key)"}"#
            let message = "\(Self.text(Data(header.utf8))).\(Self.text(Data("{\(payload)}".utf8)))"
            switch algorithm {
            case "none": return message + "."
            case "RS256":
                try files.write(message, to: "message")
                let signature = try files.openssl("dgst", "-sha256", "-sign", "rsa.key", "-binary", "message")
                return "\(message).\(Self.text(signature))"
            default:
                let signature = try (signer ?? curveKey).signature(for: Data(message.utf8))
                return "\(message).\(Self.text(signature.rawRepresentation))"
            }
        }
    }

    private static func serving(
        _ use: (_ authority: Authority, _ store: InMemoryEventStore, _ port: Int) async throws -> Void
    ) async throws {
        let authority = try Authority()
        let store = InMemoryEventStore()
        let server = try await TestServer.start(
            store,
            ServerConfiguration(
                port: 0, asksWhoCalls: true,
                tokens: TokenAuthority(
                    keys: authority.files.file("keys.json"), issuer: Authority.issuer, audience: "daybook")))
        let result: Result<Void, any Error>
        do {
            try await use(authority, store, server.port)
            result = .success(())
        } catch { result = .failure(error) }
        await server.stop()
        try result.get()
    }

    private static func client(_ token: String, _ port: Int) throws -> DaybookClient {
        try DaybookClient.connect(
            to: TestServer.address(port), configuration: ClientConfiguration(credentials: .token(token)))
    }

    private static func append(_ client: DaybookClient, to stream: StreamName) async throws(AppendError) {
        try await client.append([NewEvent(type: "Placed", data: Array("{}".utf8))], to: stream)
    }

    /// The status of a request by HTTP.
    private static func status(of path: String, _ token: String, _ port: Int) async throws -> Int {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        _ = try await response.body.collect(upTo: 1 << 20)
        return Int(response.status.code)
    }

    @Test("lets its subject in, and gives it the rights of its roles", arguments: [("RS256", "r"), ("ES256", "e")])
    func right(_ algorithm: String, _ key: String) async throws {
        try await Self.serving { authority, store, port in
            let token = try authority.token(algorithm, key: key)
            let client = try Self.client(token, port)
            try await Self.append(client, to: "order-1")
            let page = try await store.readPage(of: "order-1", from: .start, direction: .forward, limit: 1)
            let metadata = try #require(page.events.first).metadata
            #expect(String(decoding: metadata, as: UTF8.self).contains(#""$actor":"ada""#))
            let read = try await client.readPage(of: "order-1", from: .start, direction: .forward, limit: 1)
            #expect(read.events == page.events)
            // Neither a projector nor an admin.
            await #expect(throws: DerivedStateError.self) { try await client.checkpoint(for: "reader") }
            await client.close()
            #expect(try await Self.status(of: "/v1/streams/order-1", token, port) == 200)
            #expect(try await Self.status(of: "/v1/streams/$users", token, port) == 403)
        }
    }

    @Test("lets nobody in when it is over, for somebody else, of somebody else, or not signed by the authority")
    func wrong() async throws {
        try await Self.serving { authority, store, port in
            let past = "\(Int(Date().timeIntervalSince1970) - 60)"
            let right = try authority.token("ES256", key: "e")
            let other = P256.Signing.PrivateKey()
            let tokens = [
                "over": try authority.token("ES256", key: "e", ["exp": past]),
                "over, by RSA": try authority.token("RS256", key: "r", ["exp": past]),
                "for others": try authority.token("RS256", key: "r", ["aud": "\"shop\""]),
                "of others": try authority.token("RS256", key: "r", ["iss": "\"https://other.example\""]),
                "without a signature": try authority.token("none", key: "r"),
                "of the key of the other algorithm": try authority.token("ES256", key: "r"),
                "signed by somebody": try authority.token("ES256", key: "e", by: other),
                "of no key": try authority.token("ES256", key: "x"),
                "cut": String(right.dropLast(4)),
            ]
            let before = try await store.head()
            for (what, token) in tokens {
                let client = try Self.client(token, port)
                let error = await #expect(throws: AppendError.self, "\(what)") {
                    try await Self.append(client, to: "order-1")
                }
                guard case .storageFailed(reason: _, mayBeWritten: false)? = error else {
                    Issue.record("A token that is \(what): \(String(describing: error))")
                    continue
                }
                await #expect(throws: ReadError.self, "\(what)") { try await client.head() }
                await client.close()
                #expect(try await Self.status(of: "/v1/log", token, port) == 401, "\(what)")
            }
            #expect(try await store.head() == before)
        }
    }

    @Test("ends what follows the log when its time is over")
    func ends() async throws {
        try await Self.serving { authority, _, port in
            let end = "\(Int(Date().timeIntervalSince1970) + 5)"
            let client = try Self.client(authority.token("ES256", key: "e", ["exp": end]), port)
            let head = try await client.append([NewEvent(type: "Placed", data: [])], to: "order-1").position
            await #expect(throws: ReadError.self) { try await client.head(beyond: head) }
            await client.close()
        }
    }
}
