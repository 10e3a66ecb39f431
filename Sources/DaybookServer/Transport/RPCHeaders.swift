#if Server
/// The headers of a call, in the order in which they came.
struct RPCHeaders: Sendable {
    private struct Field: Sendable {
        var value: Int
        var end: Int
    }

    /// Each name, and behind it its value.
    private var bytes: [UInt8] = []
    private var fields: [Field] = []

    init() {}

    /// What they take in memory.
    var size: Int { bytes.count + RPCLimits.headerOverhead * fields.count }

    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        if bytes.isEmpty {
            bytes.reserveCapacity(256)
            fields.reserveCapacity(12)
        }
        bytes.append(contentsOf: name)
        let start = bytes.count
        bytes.append(contentsOf: value)
        fields.append(Field(value: start, end: bytes.count))
    }

    /// The first value of that name, which is in lower case.
    func first(_ name: String) -> String? { value(of: name).map { String(decoding: bytes[$0], as: UTF8.self) } }

    /// Whether the first value of that name begins so.
    func first(_ name: String, startsWith text: String) -> Bool {
        value(of: name).map { bytes[$0].starts(with: text.utf8) } ?? false
    }

    private func value(of name: String) -> Range<Int>? {
        var start = 0
        for field in fields {
            if field.value - start == name.utf8.count, bytes[start..<field.value].elementsEqual(name.utf8) {
                return field.value..<field.end
            }
            start = field.end
        }
        return nil
    }
}
#endif
