#if Postgres
import DaybookCore

/// The parameters of one statement, in PostgreSQL's binary formats, all in one buffer.
struct Parameters {
    private(set) var bytes: [UInt8] = []
    /// Where each begins, and its length; -1 for NULL.
    private(set) var places: [(start: Int, length: Int)] = []

    init() {}

    mutating func add(_ value: Int64) { add { $0.append(value) } }

    mutating func add(_ value: Int64?) {
        if let value { add(value) } else { addNull() }
    }

    mutating func add(_ value: Bool) { add { $0.append(UInt8(value ? 1 : 0)) } }

    mutating func add(_ text: String) { add { $0.append(contentsOf: text.utf8) } }

    mutating func add(_ value: [UInt8]) { add { $0.append(contentsOf: value) } }

    mutating func add(_ id: EventID) { add { $0.append(id) } }

    mutating func addNull() { places.append((bytes.count, -1)) }

    /// An array of one dimension. See `array_send` in PostgreSQL's source, src/backend/utils/adt/arrayfuncs.c.
    mutating func addArray<Elements: Collection>(
        of type: ElementType, _ elements: Elements, _ append: (inout [UInt8], Elements.Element) -> Void
    ) {
        add { bytes in
            Self.beginArray(of: type, count: elements.count, in: &bytes)
            for element in elements { Self.appendSized(&bytes) { append(&$0, element) } }
        }
    }

    mutating func addArray(_ texts: some Collection<String>) {
        addArray(of: .text, texts) { $0.append(contentsOf: $1.utf8) }
    }

    mutating func addArray(_ values: some Collection<Int64>) { addArray(of: .bigint, values) { $0.append($1) } }

    mutating func addArray(_ values: some Collection<[UInt8]>) {
        addArray(of: .bytea, values) { $0.append(contentsOf: $1) }
    }

    mutating func addArray(_ values: some Collection<EventID>) { addArray(of: .uuid, values) { $0.append($1) } }

    /// Object identifiers of types, the same in every PostgreSQL.
    enum ElementType: Int32 {
        case bytea = 17
        case bigint = 20
        case text = 25
        case uuid = 2950
    }

    private mutating func add(_ append: (inout [UInt8]) -> Void) {
        let start = bytes.count
        append(&bytes)
        places.append((start, bytes.count - start))
    }

    private static func beginArray(of type: ElementType, count: Int, in bytes: inout [UInt8]) {
        bytes.append(Int32(count == 0 ? 0 : 1))
        bytes.append(Int32(0))  // No element is NULL.
        bytes.append(type.rawValue)
        guard count > 0 else { return }
        bytes.append(Int32(count))
        bytes.append(Int32(1))
    }

    private static func appendSized(_ bytes: inout [UInt8], _ append: (inout [UInt8]) -> Void) {
        let start = bytes.count
        bytes.append(Int32(0))
        append(&bytes)
        let length = UInt32(bytes.count - start - 4)
        for index in 0..<4 { bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - index * 8)) }
    }
}

extension [UInt8] {
    mutating func append(_ value: Int32) { appendBigEndian(value) }

    mutating func append(_ value: Int64) { appendBigEndian(value) }

    mutating func append(_ id: EventID) {
        appendBigEndian(id.high)
        appendBigEndian(id.low)
    }

    private mutating func appendBigEndian(_ value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}

extension [String] {
    /// The text form of an array of text: `{"a","b"}`.
    var arrayLiteral: String {
        guard !isEmpty else { return "{}" }
        var literal: [UInt8] = [UInt8(ascii: "{")]
        for (index, text) in enumerated() {
            if index > 0 { literal.append(UInt8(ascii: ",")) }
            literal.append(UInt8(ascii: "\""))
            for byte in text.utf8 {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { literal.append(UInt8(ascii: "\\")) }
                literal.append(byte)
            }
            literal.append(UInt8(ascii: "\""))
        }
        literal.append(UInt8(ascii: "}"))
        return String(decoding: literal, as: UTF8.self)
    }
}
#endif
