#if Server
import Foundation
import Synchronization

/// Lets somebody make the first user of a server that has none: whoever reads what the server says when it starts.
final class FoundingToken: Sendable {
    private let key = Sodium.randomBytes(32)
    private let digest = Mutex<[UInt8]?>(nil)

    /// Makes a token, and forgets the one before.
    func issue() -> String {
        let token = Data(Sodium.randomBytes(24)).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_")
        digest.withLock { $0 = Sodium.digest(of: [Array(token.utf8)], key: key) }
        return token
    }

    func isRight(_ token: String) -> Bool {
        guard let digest = digest.withLock({ $0 }) else { return false }
        return Sodium.isEqual(Sodium.digest(of: [Array(token.utf8)], key: key), digest)
    }

    /// There is a user now.
    func end() { digest.withLock { $0 = nil } }
}
#endif
