#if Server
import CSodium
import NIOPosix
import Synchronization

/// Makes passwords into what may be stored, by Argon2id of libsodium, and tells whether one is that which was stored.
///
/// It takes a tenth of a second of a processor and 64 MiB for each, which is the point of it: so it runs on threads of its own
/// kind, some at once, and no more wait than there is room for.
///
/// See https://doc.libsodium.org/password_hashing/default_phf and https://www.rfc-editor.org/rfc/rfc9106
final class PasswordHasher: Sendable {
    /// What a hash costs.
    struct Cost: Sendable {
        let operations: UInt64
        let bytes: Int

        /// What libsodium advises for logins.
        static let interactive = Cost(
            operations: UInt64(crypto_pwhash_opslimit_interactive()), bytes: Int(crypto_pwhash_memlimit_interactive()))
        /// For tests alone.
        static let least = Cost(
            operations: UInt64(crypto_pwhash_opslimit_min()), bytes: Int(crypto_pwhash_memlimit_min()))
    }

    private let cost: Cost
    private let turnstiles: [Turnstile]
    /// Those that are hashed, and those that wait.
    private let mostCalls: Int
    private let next = Atomic(0)
    private let waiting = Atomic(0)
    /// Of no password: what is looked at for a login that nobody has, so that it takes as long as any other.
    private let nobody = Mutex<String?>(nil)

    init(cost: Cost = .interactive, limits: AccessLimits = AccessLimits()) {
        Sodium.start()
        self.cost = cost
        mostCalls = limits.hashesWaiting + limits.hashesAtOnce
        turnstiles = (0..<limits.hashesAtOnce).map { _ in Turnstile() }
    }

    /// - Throws: ``AccessDenial/busy``.
    func hash(_ password: String) async throws(AccessDenial) -> String {
        let cost = cost
        return try await run { try Self.hash(password, cost) }
    }

    /// - Parameters:
    ///   - hash: Nil when there is none; the answer is no then, and takes as long.
    ///   - answer: Called when it is this password's turn, which may be long after it came: gives the answer, or throws an
    ///     ``AccessDenial``, by looking at the password or without.
    func isRight(
        _ password: String, _ hash: String?,
        answer: @escaping @Sendable (_ look: () -> Bool) throws -> Bool = { look in look() }
    ) async throws(AccessDenial) -> Bool {
        let cost = cost
        let hasHash = hash != nil
        let stored: String
        if let hash {
            stored = hash
        } else if let known = nobody.withLock({ $0 }) {
            stored = known
        } else {
            stored = try await run { try Self.hash("", cost) }
            nobody.withLock { $0 = stored }
        }
        return try await run { try answer { Self.isRight(password, stored) && hasHash } }
    }

    private func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws(AccessDenial) -> T {
        let count = waiting.add(1, ordering: .relaxed).newValue
        defer { waiting.subtract(1, ordering: .relaxed) }
        guard count <= mostCalls else { throw .busy }
        let turn = next.wrappingAdd(1, ordering: .relaxed).newValue
        let turnstile = turnstiles[Int(UInt(bitPattern: turn) % UInt(turnstiles.count))]
        do {
            return try await turnstile.pass { try await NIOThreadPool.singleton.runIfActive(work) }
        } catch let denial as AccessDenial {
            throw denial
        } catch {
            throw .busy
        }
    }

    private struct OutOfMemory: Error {}

    private static func hash(_ password: String, _ cost: Cost) throws -> String {
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_strbytes()))
        let bytes = terminated(password)
        let status = text.withUnsafeMutableBufferPointer { text in
            bytes.withUnsafeBufferPointer { bytes in
                crypto_pwhash_str(
                    text.baseAddress!, bytes.baseAddress!, UInt64(bytes.count - 1), cost.operations, cost.bytes)
            }
        }
        guard status == 0 else { throw OutOfMemory() }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func isRight(_ password: String, _ hash: String) -> Bool {
        let bytes = terminated(password)
        // The function reads as many bytes as a hash may have.
        var stored = hash.utf8.map { CChar(bitPattern: $0) }
        let size = Int(crypto_pwhash_strbytes())
        guard stored.count < size else { return false }
        stored += [CChar](repeating: 0, count: size - stored.count)
        return stored.withUnsafeBufferPointer { stored in
            bytes.withUnsafeBufferPointer { bytes in
                crypto_pwhash_str_verify(stored.baseAddress!, bytes.baseAddress!, UInt64(bytes.count - 1)) == 0
            }
        }
    }

    /// With a zero behind, so that there is an address also of no bytes.
    private static func terminated(_ text: String) -> [CChar] { text.utf8.map { CChar(bitPattern: $0) } + [0] }
}
#endif
