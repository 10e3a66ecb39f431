#if Server
import DaybookCore
import Foundation
import Synchronization

@testable import DaybookServer

/// What comes to prove who somebody is. Any bytes are credentials of a known form or none, and no made-up token is right.
enum CredentialFuzzing {
    static func run(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        check(Credentials(authorization: text))
        check(Credentials(authorization: "Basic " + Data(bytes).base64EncodedString()))
        check(Credentials(authorization: "Bearer " + text))
        claims(bytes)
        token(text)
        // The parts of a token in plain text, so that what lies behind their encoding is reached.
        token(
            bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map { encoded(Array($0)) }.joined(
                separator: "."))
    }

    private static func check(_ credentials: Credentials) {
        switch credentials {
        case .basic(let login, let password):
            promise(User.isLogin(login), "'\(login)' is no login.")
            let header = "Basic " + Data("\(login):\(password)".utf8).base64EncodedString()
            promise(Credentials(authorization: header) == credentials, "'\(header)' reads otherwise.")
        case .bearer(let token): promise(!token.isEmpty, "A token of nothing was taken.")
        case .none, .certificate: fatalError("A header was taken for none.")
        case .malformed: break
        }
    }

    private static let authority = TokenAuthority(keys: "", issuer: "issuer", audience: "daybook")

    private static func claims(_ bytes: [UInt8]) {
        let now = Timestamp(microseconds: 1_700_000_000_000_000)
        guard let claims = TokenClaims(bytes, of: authority, now: now) else { return }
        promise(claims.rest > .zero, "A token that has ended was taken.")
        promise(!claims.subject.isEmpty && claims.subject.first != "$", "'\(claims.subject)' was taken for somebody.")
        promise(claims.groups.count <= AccessLimits.groupsPerUser, "A token has \(claims.groups.count) groups.")
    }

    private static func token(_ text: String) {
        promise(keys.payload(of: text) == nil, "'\(text)' was taken for a token with a signature.")
    }

    private static func encoded(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// A key whose other half nobody has here: that of https://www.rfc-editor.org/rfc/rfc7515#appendix-A.3.1
    private static let keys: TokenKeys = {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("daybook-fuzz-\(UUID()).json")
        let set =
            #"{"keys":[{"kty":"EC","crv":"P-256","use":"sig","alg":"ES256","kid":"k","#
            + #""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","#
            + #""y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#
        do {
            try Data(set.utf8).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            return try waiting { try await TokenKeys(file: file.path) }
        } catch { fatalError("The key cannot be read: \(error)") }
    }()

    /// Waits for asynchronous work on the fuzzer's own thread, which is none of the pool's.
    private static func waiting<Value: Sendable>(
        _ work: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let done = DispatchSemaphore(value: 0)
        let awaited = Awaited<Value>()
        Task {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            awaited.result.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        guard let result = awaited.result.withLock({ $0 }) else {
            fatalError("Nothing has come of what was waited for.")
        }
        return try result.get()
    }

    private final class Awaited<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }
}
#endif
