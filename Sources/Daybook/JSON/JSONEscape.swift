/// Strings as they stand in JSON text (RFC 8259 §7). Only what must be escaped is, in its short form where it has one.
enum JSONEscape {
    /// How many bytes longer a text is when it is escaped, 0 for one that can stand as it is; and whether it is ASCII.
    @inline(__always)
    static func measure(_ text: UnsafeBufferPointer<UInt8>) -> (growth: Int, isASCII: Bool) {
        guard let base = text.baseAddress else { return (0, true) }
        var index = 0
        var special: UInt64 = 0
        var foreign: UInt64 = 0
        while index &+ 8 <= text.count {
            let word = JSONWord.load(base + index)
            special |= JSONWord.special(in: word)
            foreign |= JSONWord.nonASCII(in: word)
            index &+= 8
        }
        while index < text.count {
            let byte = base[index]
            if JSONWord.isSpecial(byte) { special = 1 }
            foreign |= UInt64(byte & 0x80)
            index &+= 1
        }
        return (special == 0 ? 0 : fullGrowth(of: text), foreign == 0)
    }

    @inline(never)
    private static func fullGrowth(of text: UnsafeBufferPointer<UInt8>) -> Int {
        var growth = 0
        for byte in text where JSONWord.isSpecial(byte) { growth += short(of: byte) == nil ? 5 : 1 }
        return growth
    }

    private static func short(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
        case 0x08: UInt8(ascii: "b")
        case 0x09: UInt8(ascii: "t")
        case 0x0A: UInt8(ascii: "n")
        case 0x0C: UInt8(ascii: "f")
        case 0x0D: UInt8(ascii: "r")
        default: nil
        }
    }

    /// Writes a text with its escapes, and moves on behind it.
    static func write(_ text: UnsafeBufferPointer<UInt8>, to out: inout UnsafeMutablePointer<UInt8>) {
        for byte in text {
            guard JSONWord.isSpecial(byte) else {
                out.pointee = byte
                out += 1
                continue
            }
            out.pointee = UInt8(ascii: "\\")
            out += 1
            if let short = short(of: byte) {
                out.pointee = short
                out += 1
            } else {
                for digit in [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), hex(byte >> 4), hex(byte & 15)] {
                    out.pointee = digit
                    out += 1
                }
            }
        }
    }

    static func escaped(_ text: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: text.count + fullGrowth(of: text)) { buffer in
            guard let start = buffer.baseAddress else { return 0 }
            var out = start
            write(text, to: &out)
            return out - start
        }
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// The text that a string's contents stand for; nil when an escape is none, when half a surrogate pair stands
    /// alone, when a control character is not escaped, and when the bytes are no UTF-8.
    static func text(of contents: UnsafeBufferPointer<UInt8>) -> String? {
        var text: [UInt8] = []
        text.reserveCapacity(contents.count)
        var index = 0
        while index < contents.count {
            let byte = contents[index]
            index += 1
            if byte != UInt8(ascii: "\\") {
                guard byte >= 0x20 else { return nil }
                text.append(byte)
                continue
            }
            guard index < contents.count else { return nil }
            let escape = contents[index]
            index += 1
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(escape)
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = scalar(in: contents, at: &index) else { return nil }
                text.append(contentsOf: UTF8.encode(scalar).unsafelyUnwrapped)
            default: return nil
            }
        }
        return text.withUnsafeBufferPointer { validated($0) }
    }

    /// The text that some bytes are; nil when they are no UTF-8, so that reading them repairs them.
    @inline(never)
    static func validated(_ bytes: UnsafeBufferPointer<UInt8>) -> String? {
        var text = String(decoding: bytes, as: UTF8.self)
        let isSame = text.withUTF8 { $0.count == bytes.count && $0.elementsEqual(bytes) }
        return isSame ? text : nil
    }

    /// The scalar of one `\uXXXX`, or of two that are a surrogate pair.
    private static func scalar(in contents: UnsafeBufferPointer<UInt8>, at index: inout Int) -> Unicode.Scalar? {
        guard let unit = codeUnit(in: contents, at: &index) else { return nil }
        guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
        guard index + 2 <= contents.count, contents[index] == UInt8(ascii: "\\"),
            contents[index + 1] == UInt8(ascii: "u")
        else { return nil }
        index += 2
        guard let second = codeUnit(in: contents, at: &index), UTF16.isTrailSurrogate(second) else { return nil }
        return Unicode.Scalar(0x10000 + ((UInt32(unit) - 0xD800) << 10) + (UInt32(second) - 0xDC00))
    }

    private static func codeUnit(in contents: UnsafeBufferPointer<UInt8>, at index: inout Int) -> UInt16? {
        guard index + 4 <= contents.count else { return nil }
        var unit: UInt16 = 0
        for byte in contents[index..<(index + 4)] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            unit = unit << 4 | UInt16(digit)
        }
        index += 4
        return unit
    }
}
