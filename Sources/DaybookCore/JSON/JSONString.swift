extension [UInt8] {
    /// Appends a text as a JSON string with its quotes (RFC 8259 §7); only what must be escaped is.
    package mutating func appendJSONString(_ text: String) {
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
