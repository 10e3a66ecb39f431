/// How attributes of events are written in the headers of HTTP and of NATS: percent-encoded.
///
/// See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md, section 3.1.3.2.
package enum HeaderText {
    package static func encoded(_ text: String) -> String {
        let isPlain = { (byte: UInt8) in
            (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "%")
        }
        if text.utf8.allSatisfy(isPlain) { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Nil when the text is quoted and not closed, has a `%` without two digits behind it, or is not UTF-8 then.
    package static func decoded(_ text: String) -> String? {
        if text.utf8.first != UInt8(ascii: "\""), !text.utf8.contains(UInt8(ascii: "%")) { return text }
        guard let unquoted = unquoted(Array(text.utf8)) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(unquoted.count)
        var index = 0
        while index < unquoted.count {
            guard unquoted[index] == UInt8(ascii: "%") else {
                bytes.append(unquoted[index])
                index += 1
                continue
            }
            guard index + 2 < unquoted.count, let high = value(of: unquoted[index + 1]),
                let low = value(of: unquoted[index + 2])
            else { return nil }
            bytes.append(high << 4 | low)
            index += 3
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Older senders put values into double quotes.
    private static func unquoted(_ bytes: [UInt8]) -> [UInt8]? {
        let quote = UInt8(ascii: "\"")
        guard bytes.first == quote else { return bytes }
        guard bytes.count >= 2, bytes.last == quote else { return nil }
        var unquoted: [UInt8] = []
        var isEscaped = false
        for byte in bytes.dropFirst().dropLast() {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else {
                if !isEscaped, byte == quote { return nil }
                unquoted.append(byte)
                isEscaped = false
            }
        }
        return isEscaped ? nil : unquoted
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    private static let digits = Array("0123456789ABCDEF".utf8)
}
