#if Server
import CSodium

/// What the server takes of libsodium beside the hashing of passwords.
enum Sodium {
    private static let isStarted: Bool = sodium_init() >= 0

    /// To be called before anything else of the library; costs nothing again.
    static func start() { precondition(isStarted, "libsodium does not start: it finds no source of random numbers.") }

    static func randomBytes(_ count: Int) -> [UInt8] {
        start()
        var bytes = [UInt8](repeating: 0, count: count)
        precondition(count > 0, "\(count) random bytes were asked for.")
        bytes.withUnsafeMutableBytes { randombytes_buf($0.baseAddress!, $0.count) }
        return bytes
    }

    /// A digest of 32 bytes that only who has the key can make (BLAKE2b).
    static func digest(of parts: [[UInt8]], key: [UInt8]) -> [UInt8] {
        start()
        var message: [UInt8] = []
        for part in parts {
            // With its length, so that no two lists of parts are one message.
            withUnsafeBytes(of: UInt64(part.count).littleEndian) { message += $0 }
            message += part
        }
        var digest = [UInt8](repeating: 0, count: 32)
        let status = digest.withUnsafeMutableBufferPointer { digest in
            message.withUnsafeBufferPointer { message in
                key.withUnsafeBufferPointer { key in
                    crypto_generichash(
                        digest.baseAddress!, digest.count, message.baseAddress!, UInt64(message.count),
                        key.baseAddress!,
                        key.count)
                }
            }
        }
        precondition(status == 0, "A digest of \(message.count) bytes with a key of \(key.count) bytes was refused.")
        return digest
    }

    /// Whether two digests are one, in a time that does not tell where they differ.
    static func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in sodium_memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0 }
        }
    }
}
#endif
