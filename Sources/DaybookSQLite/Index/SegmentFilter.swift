/// Tells of most keys that a segment has no row for them, without looking into the file: a Bloom filter with about ten
/// bits a key, which is wrong for one absent key in a hundred, and never for a present one.
///
/// See B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (7), 1970; and, for two hashes in
/// place of many, A. Kirsch and M. Mitzenmacher, Less hashing, same performance, ESA 2006.
struct SegmentFilter: Sendable {
    private var words: [UInt64]
    private let mask: UInt64

    private static let bitsPerKey = 10
    private static let probes = 7

    /// - Parameter keys: How many will be added, at most.
    init(keys: Int) {
        var bits = 64
        while bits < keys * Self.bitsPerKey { bits *= 2 }
        words = [UInt64](repeating: 0, count: bits / 64)
        mask = UInt64(bits - 1)
    }

    mutating func add(_ key: IndexKey) {
        var (bit, step) = Self.hashes(key)
        for _ in 0..<Self.probes {
            words[Int((bit & mask) >> 6)] |= 1 << (bit & 63)
            bit &+= step
        }
    }

    func mayContain(_ key: IndexKey) -> Bool {
        var (bit, step) = Self.hashes(key)
        for _ in 0..<Self.probes {
            if words[Int((bit & mask) >> 6)] & 1 << (bit & 63) == 0 { return false }
            bit &+= step
        }
        return true
    }

    /// The finisher of MurmurHash3 (64 bits), and an odd number from its upper half.
    private static func hashes(_ key: IndexKey) -> (UInt64, UInt64) {
        var hash = UInt64(bitPattern: key.key) ^ UInt64(key.kind.rawValue) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        hash ^= hash >> 33
        return (hash, hash >> 32 | 1)
    }
}
