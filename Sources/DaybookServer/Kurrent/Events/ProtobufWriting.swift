#if Server
import NIOCore

/// The wire format of protobuf, as far as events need it: they are written without objects in between, of which a page of
/// events would make thousands.
///
/// See https://protobuf.dev/programming-guides/encoding/
enum Protobuf {
    /// How many bytes a number takes, 7 bits in each.
    static func size(ofVarint value: UInt64) -> Int { (70 - (value | 1).leadingZeroBitCount) / 7 }

    /// The bytes of a field with a length: tag (of one byte, so for fields 1 to 15), length, content.
    static func size(ofField bytes: Int) -> Int { 1 + size(ofVarint: UInt64(bytes)) + bytes }

    /// The bytes of a number's field; 0 is not written.
    static func size(ofNumber value: UInt64) -> Int { value == 0 ? 0 : 1 + size(ofVarint: value) }
}

extension ByteBuffer {
    mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(rest))
    }

    /// The head of a field with a length; its content follows.
    mutating func writeField(_ number: UInt8, bytes: Int) {
        writeInteger(number << 3 | 2)
        writeVarint(UInt64(bytes))
    }

    /// A field that has a number. Nothing is written for 0 unless `always`, as in a oneof.
    mutating func writeField(_ number: UInt8, value: UInt64, always: Bool = false) {
        guard value != 0 || always else { return }
        writeInteger(number << 3)
        writeVarint(value)
    }
}
#endif
