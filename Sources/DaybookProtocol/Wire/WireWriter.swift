/// Writes protobuf: values go into the message as they are met, without objects in between.
///
/// See https://protobuf.dev/programming-guides/encoding/
package struct WireWriter {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func tag(_ field: Int, _ kind: UInt64) { varint(UInt64(field) << 3 | kind) }

    /// A number; 0 is not written.
    package mutating func number(_ field: Int, _ value: Int64) {
        if value != 0 { number(field, present: value) }
    }

    /// A number that may be missing, and is told from 0.
    package mutating func number(_ field: Int, optional value: Int64?) {
        if let value { number(field, present: value) }
    }

    private mutating func number(_ field: Int, present value: Int64) {
        tag(field, 0)
        varint(UInt64(bitPattern: value))
    }

    package mutating func flag(_ field: Int, _ value: Bool) { number(field, value ? 1 : 0) }

    /// A number of eight bytes.
    package mutating func fixed(_ field: Int, _ value: UInt64) {
        tag(field, 1)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }

    /// A text; an empty one is not written.
    package mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { text(field, present: value) }
    }

    package mutating func text(_ field: Int, optional value: String?) {
        if let value { text(field, present: value) }
    }

    /// One of many texts, which is written though it be empty.
    package mutating func text(_ field: Int, present value: String) {
        tag(field, 2)
        varint(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Bytes; none are not written.
    package mutating func data(_ field: Int, _ value: some Collection<UInt8>) {
        if !value.isEmpty { data(field, present: value) }
    }

    package mutating func data(_ field: Int, present value: some Collection<UInt8>) {
        tag(field, 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// Numbers, one behind another in one field.
    package mutating func packed(_ field: Int, _ values: some Collection<Int64>) {
        guard !values.isEmpty else { return }
        var content = WireWriter()
        for value in values { content.varint(UInt64(bitPattern: value)) }
        data(field, present: content.bytes)
    }

    package mutating func message(_ field: Int, _ value: some WireMessage) {
        tag(field, 2)
        let length = bytes.count
        bytes.append(0)  // For a length below 128; a longer one moves what is behind it.
        value.write(to: &self)
        var rest = bytes.count - length - 1
        guard rest >= 0x80 else {
            bytes[length] = UInt8(rest)
            return
        }
        bytes[length] = UInt8(truncatingIfNeeded: rest) | 0x80
        rest >>= 7
        var more: [UInt8] = []
        while rest >= 0x80 {
            more.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        more.append(UInt8(truncatingIfNeeded: rest))
        bytes.insert(contentsOf: more, at: length + 1)
    }
}
