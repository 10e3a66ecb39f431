/// Tells of most keys that a segment has nothing under them, without looking into the file: a Bloom filter with ten bits
/// a key, which is wrong for one absent key in a hundred, and never for a present one.
///
/// See B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (7), 1970; and, for two hashes in
/// place of many, A. Kirsch and M. Mitzenmacher, Less hashing, same performance, ESA 2006.
struct SegmentFilter: Sendable {
    private(set) var words: [UInt64]

    private static let bitsPerKey = 10
    private static let probes = 7

    /// - Parameter keys: How many will be added, at most.
    init(keys: Int) { words = [UInt64](repeating: 0, count: keys * Self.bitsPerKey / 64 + 1) }

    init(words: [UInt64]) { self.words = words }

    mutating func add(_ key: IndexKey) {
        var (hash, step) = Self.hashes(key)
        for _ in 0..<Self.probes {
            let bit = place(hash)
            words[bit >> 6] |= 1 << UInt64(bit & 63)
            hash &+= step
        }
    }

    func mayContain(_ key: IndexKey) -> Bool {
        var (hash, step) = Self.hashes(key)
        for _ in 0..<Self.probes {
            let bit = place(hash)
            if words[bit >> 6] & 1 << UInt64(bit & 63) == 0 { return false }
            hash &+= step
        }
        return true
    }

    /// Spreads a hash evenly over the bits, by its upper half.
    private func place(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(words.count) * 64).high) }

    /// The finisher of MurmurHash3 (64 bits), and an odd number from it.
    private static func hashes(_ key: IndexKey) -> (UInt64, UInt64) {
        var hash = UInt64(bitPattern: key.key) ^ UInt64(key.kind.rawValue) &* 0x9E37_79B9_7F4A_7C15
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        hash ^= hash >> 33
        return (hash, hash &* 0x9E37_79B9_7F4A_7C15 | 1)
    }
}
