import DaybookCore

extension JSONTape {
    /// Reads a text from an offset to its end: one value, with or without white space around it.
    func parse(from start: Int, openContainers: Int) throws(JSONSyntaxError) {
        guard byteCount <= Self.maximumBytes else {
            throw JSONSyntaxError(offset: 0, problem: "A text of over \(Self.maximumBytes) bytes begins")
        }
        var index = start
        var depth = openContainers
        /// The innermost open container; its own `next` holds the one around it for as long as it is open.
        var container = -1
        values: while true {
            skipSpace(&index)
            guard index < byteCount else { throw ended(wanted: "a value") }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                try string(&index)
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                number(&index)
            case UInt8(ascii: "{"):
                try open(.object, in: &container, &depth, at: index)
                index &+= 1
                skipSpace(&index)
                if index < byteCount, bytes[index] == UInt8(ascii: "}") {
                    index &+= 1
                    close(&container, &depth)
                } else {
                    try key(&index, in: container)
                    continue values
                }
            case UInt8(ascii: "["):
                try open(.array, in: &container, &depth, at: index)
                index &+= 1
                skipSpace(&index)
                if index < byteCount, bytes[index] == UInt8(ascii: "]") {
                    index &+= 1
                    close(&container, &depth)
                } else {
                    continue values
                }
            case UInt8(ascii: "t"): try literal("true", .yes, &index)
            case UInt8(ascii: "f"): try literal("false", .no, &index)
            case UInt8(ascii: "n"): try literal("null", .null, &index)
            default: throw unexpected(at: index, wanted: "a value")
            }
            // Behind a value.
            while container >= 0 {
                let isObject = tokens[container].kind == .object
                tokens[container].count &+= 1
                skipSpace(&index)
                guard index < byteCount else { throw ended(wanted: isObject ? "',' or '}'" : "',' or ']'") }
                let closing = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                if bytes[index] == UInt8(ascii: ",") {
                    index &+= 1
                    skipSpace(&index)
                    if index < byteCount, bytes[index] != closing {
                        if isObject { try key(&index, in: container) }
                        continue values
                    }
                    guard index < byteCount else { throw ended(wanted: isObject ? "a key" : "a value") }
                }
                guard bytes[index] == closing else {
                    throw unexpected(at: index, wanted: isObject ? "',' or '}'" : "',' or ']'")
                }
                index &+= 1
                close(&container, &depth)
            }
            break
        }
        skipSpace(&index)
        guard index == byteCount else { throw unexpected(at: index, wanted: "nothing more") }
        textTokenCount = tokenCount
    }

    @inline(__always)
    private func skipSpace(_ index: inout Int) {
        while index < byteCount, bytes[index] <= 0x20 {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index &+= 1
            default: return
            }
        }
    }

    @inline(__always)
    private func open(
        _ kind: Token.Kind, in container: inout Int, _ depth: inout Int, at index: Int
    ) throws(JSONSyntaxError) {
        guard depth < Self.maximumDepth else {
            throw JSONSyntaxError(offset: index, problem: "Values nested over \(Self.maximumDepth) deep stand")
        }
        depth &+= 1
        append(
            Token(
                start: UInt32(truncatingIfNeeded: index), count: 0,
                next: UInt32(truncatingIfNeeded: container), kind: kind, isPlain: true))
        container = tokenCount &- 1
    }

    @inline(__always)
    private func close(_ container: inout Int, _ depth: inout Int) {
        let outer = Int(Int32(bitPattern: tokens[container].next))
        tokens[container].next = UInt32(truncatingIfNeeded: tokenCount)
        container = outer
        depth &-= 1
    }

    /// Takes a key and its colon.
    @inline(__always)
    private func key(_ index: inout Int, in object: Int) throws(JSONSyntaxError) {
        guard index < byteCount else { throw ended(wanted: "a key") }
        guard bytes[index] == UInt8(ascii: "\"") else { throw unexpected(at: index, wanted: "a key in double quotes") }
        try string(&index)
        if !tokens[tokenCount &- 1].isPlain { tokens[object].isPlain = false }
        skipSpace(&index)
        guard index < byteCount else { throw ended(wanted: "':'") }
        guard bytes[index] == UInt8(ascii: ":") else { throw unexpected(at: index, wanted: "':'") }
        index &+= 1
    }

    @inline(__always)
    private func string(_ index: inout Int) throws(JSONSyntaxError) {
        let start = index &+ 1
        var end = start
        var foreign: UInt64 = 0
        while end &+ 8 <= byteCount {
            let word = JSONWord.load(bytes + end)
            let marks = JSONWord.special(in: word)
            guard marks != 0 else {
                foreign |= JSONWord.nonASCII(in: word)
                end &+= 8
                continue
            }
            let count = JSONWord.firstMarked(in: marks)
            foreign |= JSONWord.nonASCII(in: word) & ((1 &<< UInt64(8 &* count)) &- 1)
            end &+= count
            break
        }
        while end < byteCount, !JSONWord.isSpecial(bytes[end]) {
            foreign |= UInt64(bytes[end] & 0x80)
            end &+= 1
        }
        guard end < byteCount else { throw ended(wanted: "a string's closing quote") }
        let isUnescaped = bytes[end] == UInt8(ascii: "\"")
        if !isUnescaped { try skipEscaped(&end) }
        append(
            Token(
                start: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: end &- start),
                next: UInt32(truncatingIfNeeded: tokenCount &+ 1), kind: .string,
                isPlain: isUnescaped && foreign == 0, isUnescaped: isUnescaped))
        index = end &+ 1
    }

    /// Goes on to a string's closing quote. What stands in it is checked when somebody asks for it.
    @inline(never)
    private func skipEscaped(_ index: inout Int) throws(JSONSyntaxError) {
        while index < byteCount {
            switch bytes[index] {
            case UInt8(ascii: "\""): return
            case UInt8(ascii: "\\"):
                guard index + 1 < byteCount else { throw ended(wanted: "an escape") }
                index += 2
                guard bytes[index - 1] == UInt8(ascii: "u") else { continue }
                for _ in 0..<4 {
                    guard index < byteCount else { throw ended(wanted: "a hexadecimal digit") }
                    guard bytes[index] != UInt8(ascii: "\"") else {
                        throw unexpected(at: index, wanted: "a hexadecimal digit")
                    }
                    index += 1
                }
            default: index += 1
            }
        }
        throw ended(wanted: "a string's closing quote")
    }

    /// Takes the characters that numbers are made of. Whether they are a number is checked when somebody asks for it.
    @inline(__always)
    private func number(_ index: inout Int) {
        let start = index
        index &+= 1
        scan: while index < byteCount {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"):
                index &+= 1
            default: break scan
            }
        }
        append(
            Token(
                start: UInt32(truncatingIfNeeded: start), count: UInt32(truncatingIfNeeded: index &- start),
                next: UInt32(truncatingIfNeeded: tokenCount &+ 1), kind: .number))
    }

    @inline(__always)
    private func literal(_ text: StaticString, _ kind: Token.Kind, _ index: inout Int) throws(JSONSyntaxError) {
        let count = text.utf8CodeUnitCount
        for offset in 0..<count {
            guard index &+ offset < byteCount else { throw ended(wanted: "\(text)") }
            guard bytes[index &+ offset] == text.utf8Start[offset] else {
                throw unexpected(at: index &+ offset, wanted: "\(text)")
            }
        }
        append(Token(start: 0, count: 0, next: UInt32(truncatingIfNeeded: tokenCount &+ 1), kind: kind))
        index &+= count
    }

    @inline(never)
    private func ended(wanted: String) -> JSONSyntaxError {
        JSONSyntaxError(offset: byteCount, problem: "The text ends where \(wanted) should stand,")
    }

    @inline(never)
    private func unexpected(at index: Int, wanted: String) -> JSONSyntaxError {
        let byte = bytes[index]
        let shown = (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "Byte \(byte)"
        return JSONSyntaxError(offset: index, problem: "\(shown) stands where \(wanted) should,")
    }
}
