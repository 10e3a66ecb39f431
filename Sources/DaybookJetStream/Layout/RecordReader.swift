#if JetStream
import DaybookCore

/// Reads what ``RecordWriter`` writes.
struct RecordReader {
    /// The bytes end too early, or hold a number that cannot be.
    struct Damage: Error {}

    let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { index >= bytes.count }

    mutating func byte() throws(Damage) -> UInt8 {
        guard index < bytes.count else { throw Damage() }
        defer { index += 1 }
        return bytes[index]
    }

    mutating func number() throws(Damage) -> Int64 {
        if index < bytes.count, bytes[index] < 0x80 {
            defer { index += 1 }
            return Int64(bytes[index])
        }
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = try byte()
            guard shift < 64 else { throw Damage() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: value) }
            shift += 7
        }
    }

    /// How many there are of something, or a sequence: not negative, and so small that no sum of two is too large.
    mutating func count(below limit: Int64 = 1 << 62) throws(Damage) -> Int64 {
        let count = try number()
        guard count >= 0, count < limit else { throw Damage() }
        return count
    }

    mutating func fixed() throws(Damage) -> UInt64 {
        guard bytes.count - index >= 8 else { throw Damage() }
        defer { index += 8 }
        return bytes.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        }
    }

    mutating func id() throws(Damage) -> EventID { EventID(high: try fixed(), low: try fixed()) }

    mutating func text() throws(Damage) -> String { String(decoding: try data(), as: UTF8.self) }

    mutating func data() throws(Damage) -> ArraySlice<UInt8> {
        let count = try number()
        guard count >= 0, count <= bytes.count - index else { throw Damage() }
        defer { index += Int(count) }
        return bytes[index..<index + Int(count)]
    }

    mutating func rest() -> ArraySlice<UInt8> {
        defer { index = bytes.count }
        return bytes[index...]
    }
}
#endif
