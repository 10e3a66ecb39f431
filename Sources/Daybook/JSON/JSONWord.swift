/// Looks at eight bytes of text at once.
///
/// See Bit Twiddling Hacks, https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord. A byte is reported wrongly
/// only behind one that is reported rightly, so that the first one is always right.
enum JSONWord {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    static func load(_ pointer: UnsafePointer<UInt8>) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(pointer).loadUnaligned(as: UInt64.self))
    }

    /// The high bit of each byte that cannot stand in a string as it is: quote, backslash, control character.
    @inline(__always)
    static func special(in word: UInt64) -> UInt64 {
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let controls = (word &- ones &* 0x20) & ~word
        return (controls | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & highBits
    }

    /// The high bit of each byte that is not ASCII.
    @inline(__always)
    static func nonASCII(in word: UInt64) -> UInt64 { word & highBits }

    /// How many bytes stand before the first that is marked.
    @inline(__always)
    static func firstMarked(in marks: UInt64) -> Int { marks.trailingZeroBitCount >> 3 }

    @inline(__always)
    static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}
