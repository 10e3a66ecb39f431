import Crypto
import DaybookCore
import Foundation
import Logging
import Testing

@testable import DaybookServer

@Suite("Tokens") struct TokenTests {
    private static let now = Timestamp(microseconds: 1_000_000_000)
    private static let authority = TokenAuthority(keys: "", issuer: "https://id.example", audience: "daybook")

    private static func claims(_ json: String) -> TokenClaims? {
        TokenClaims(Array(json.utf8), of: authority, now: now)
    }

    @Test("say who somebody is, and for how long")
    func read() throws {
        let claims = try #require(
            Self.claims(
                #"{"iss":"https://id.example","aud":["x","daybook"],"sub":"auth0|7","exp":1060.5,"nbf":1020,"#
                    + #""roles":"writer clerks $admins"}"#
            ))
        #expect(claims.subject == "auth0|7")
        #expect(claims.groups == ["$writers", "clerks"])
        #expect(claims.rest == .seconds(60.5))
        let one = Self.claims(
            #"{"iss":"https://id.example","aud":"daybook","sub":"ada","exp":1001,"roles":["admin"]}"#)
        #expect(one?.groups == ["$admins"])
    }

    @Test(
        "are wrong when anything is missing, of another type, twice there, or not as it must be",
        arguments: [
            #"{"aud":"daybook","sub":"a","exp":2000}"#,
            #"{"iss":"https://id.example","sub":"a","exp":2000}"#,
            #"{"iss":"https://id.example","aud":"daybook","exp":2000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a"}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":"2000"}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":null}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":1000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":-1}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":1e400}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":2000,"exp":3000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":2000,"nbf":1031}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":2000,"nbf":"1"}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a","exp":2000,"roles":7}"#,
            #"{"iss":"https://id.example","aud":["x"],"sub":"a","exp":2000}"#,
            #"{"iss":"https://id.example","aud":["daybook",7],"sub":"a","exp":2000}"#,
            #"{"iss":"https://id.example/","aud":"daybook","sub":"a","exp":2000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"","exp":2000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"$admins","exp":2000}"#,
            #"{"iss":"https://id.example","aud":"daybook","sub":"a b","exp":2000}"#,
            "[]", "", "null",
        ])
    func malformed(_ json: String) {
        #expect(Self.claims(json) == nil)
    }

    @Test("are those of the authority's keys alone, by the algorithm of each")
    func signatures() async throws {
        let signer = P256.Signing.PrivateKey()
        let point = signer.publicKey.rawRepresentation
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let key =
            #"{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k","#
            + #""x":"\#(Self.encoded(point.prefix(32)))","y":"\#(Self.encoded(point.suffix(32)))"}"#
        let set = #"{"keys":[\#(key),{"kty":"oct","kid":"o","alg":"HS256","k":"AAAA"}]}"#
        try Data(set.utf8).write(to: URL(fileURLWithPath: file))
        let keys = try await TokenKeys(file: file)
        let payload = Data(#"{"sub":"ada"}"#.utf8)

        func token(_ header: String, by signer: P256.Signing.PrivateKey) throws -> String {
            let message = "\(Self.encoded(Data(header.utf8))).\(Self.encoded(payload))"
            return "\(message).\(Self.encoded(try signer.signature(for: Data(message.utf8)).rawRepresentation))"
        }

        let right = try token(#"{"alg":"ES256","kid":"k"}"#, by: signer)
        #expect(keys.payload(of: right) == Array(payload))
        let wrong = [
            try token(#"{"alg":"ES256","kid":"k"}"#, by: P256.Signing.PrivateKey()),
            try token(#"{"alg":"ES256"}"#, by: signer), try token(#"{"kid":"k"}"#, by: signer),
            try token(#"{"alg":"ES256","kid":"o"}"#, by: signer), try token(#"{"alg":"none","kid":"k"}"#, by: signer),
            try token(#"{"alg":"HS256","kid":"k"}"#, by: signer),
            try token(#"{"alg":"ES256","kid":"../k"}"#, by: signer),
            try token(#"{"alg":"ES256","kid":"k","crit":["b64"],"b64":false}"#, by: signer),
            try token(#"{"alg":"ES256","alg":"ES256","kid":"k"}"#, by: signer),
            right + "=", right + ".", String(right.dropLast()), "", "..", "a.b.c",
            "\(Self.encoded(Data(#"{"alg":"none","kid":"k"}"#.utf8))).\(Self.encoded(payload)).",
        ]
        for token in wrong { #expect(keys.payload(of: token) == nil, "\(token)") }
    }

    @Test("end with their key, also for calls that go on")
    func keysThatAreGone() async throws {
        let (old, new) = (P256.Signing.PrivateKey(), P256.Signing.PrivateKey())
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Self.write(old, to: file)
        let verifier = try await TokenVerifier(
            TokenAuthority(keys: file, issuer: Self.authority.issuer, audience: Self.authority.audience))
        let header = Self.encoded(Data(#"{"alg":"ES256","kid":"k"}"#.utf8))
        let claims = #"{"iss":"https://id.example","aud":"daybook","sub":"ada","exp":253402300799,"roles":"reader"}"#
        let message = "\(header).\(Self.encoded(Data(claims.utf8)))"
        let token = "\(message).\(Self.encoded(try old.signature(for: Data(message.utf8)).rawRepresentation))"

        let log = try await KurrentLog.open(InMemoryEventStore())
        let passwords = PasswordHasher(cost: .least)
        let founding = FoundingToken()
        let users = UserDirectory(log: log, passwords: passwords, founding: founding)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let gate = AccessGate(
            control: AccessControl(
                log: log, users: users,
                authenticator: Authenticator(users: users, passwords: passwords, founding: founding, tokens: verifier),
                rules: [], records: AccessRecords(logger: logger)))
        try await gate.enter(.bearer(token: token), method: "test", address: "here", .call) {
            try await CallAccess.require(.stream(.read, .log))
            try await verifier.reload()
            log.accessChanges.note([])
            try await CallAccess.recheck()  // The key is there yet.
            try Self.write(new, to: file)
            try await verifier.reload()
            log.accessChanges.note([])
            await #expect(throws: AccessDenial.unauthenticated) { try await CallAccess.recheck() }
        }
        #expect(verifier.login(token) == nil)
    }

    private static func write(_ key: P256.Signing.PrivateKey, to file: String) throws {
        let point = key.publicKey.rawRepresentation
        let set =
            #"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k","#
            + #""x":"\#(encoded(point.prefix(32)))","y":"\#(encoded(point.suffix(32)))"}]}"#
        try Data(set.utf8).write(to: URL(fileURLWithPath: file))
    }

    @Test("need keys that are known", arguments: ["", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"oct","kid":"a"}]}"#])
    func noKeys(_ text: String) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("keys-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        await #expect(throws: ServerError.self) {
            try await TokenVerifier(TokenAuthority(keys: file, issuer: "", audience: ""))
        }
    }

    private static func encoded(_ data: Data) -> String {
        data.base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
            .replacingOccurrences(of: "=", with: "")
    }
}
