import DaybookCore

extension EventID {
    /// An identifier that follows from an event and its place: the same input gives the same identifier each time, so that
    /// an import which is repeated writes nothing twice, and another event at that place is a conflict.
    ///
    /// A UUID of version 8 (RFC 9562, section 5.8): 122 bits of two 64-bit FNV-1a hashes with different bases, mixed. It
    /// guards against mistakes, not against an adversary.
    init(stream: StreamName, version: StreamVersion, event: NewEvent) {
        var hash = (first: UInt64(0xCBF2_9CE4_8422_2325), second: UInt64(0x9E37_79B9_7F4A_7C15))
        func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes {
                hash.first = (hash.first ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
                hash.second = (hash.second &+ UInt64(byte)) &* 0xD6E8_FEB8_6659_FD93
                hash.second ^= hash.second >> 32
            }
            hash.first = (hash.first ^ 0xFF) &* 0x0000_0100_0000_01B3  // Ends the part: no byte of UTF-8 is 0xFF.
            hash.second = (hash.second &+ 0xFF) &* 0xD6E8_FEB8_6659_FD93
        }
        add(stream.rawValue.utf8)
        add(version.description.utf8)
        add(event.type.rawValue.utf8)
        add(event.data)
        add(event.metadata)
        self.init(
            high: Self.mixed(hash.first) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
            low: Self.mixed(hash.second ^ hash.first) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000)
    }

    /// The finaliser of SplitMix64: https://prng.di.unimi.it/splitmix64.c
    private static func mixed(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
