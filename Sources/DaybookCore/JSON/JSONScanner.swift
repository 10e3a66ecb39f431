/// Finds where JSON values begin and end, and checks their grammar (RFC 8259), without changing a byte of them.
///
/// A payload must come back as it was given: `1.10` and `1e400` do not survive a parse into numbers, so that values are
/// cut out of the line instead of being decoded and encoded again.
///
/// - Complexity: O(bytes); no allocation.
package struct JSONScanner {
    /// Deeper nesting is refused, so that no input exhausts the stack.
    package static let maximumDepth = 256

    package let bytes: ArraySlice<UInt8>
    package private(set) var index: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        index = bytes.startIndex
    }

    package var isAtEnd: Bool { index == bytes.endIndex }
    /// The byte at hand; 0, which begins no token, at the end.
    private var current: UInt8 { index < bytes.endIndex ? bytes[index] : 0 }

    package func failure(_ problem: String) -> JSONSyntaxError {
        JSONSyntaxError(offset: index - bytes.startIndex, problem: problem)
    }

    private func unexpected(wanted: String) -> JSONSyntaxError {
        guard index < bytes.endIndex else { return failure("The text ends where \(wanted) should stand,") }
        let byte = bytes[index]
        let shown = (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
        return failure("\(shown) stands where \(wanted) should,")
    }

    package mutating func skipWhitespace() {
        while index < bytes.endIndex {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    /// Takes a character if it is next.
    package mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    /// Takes one value, and returns what it is and the bytes it stands in.
    package mutating func value(depth: Int = 0) throws(JSONSyntaxError) -> JSONText {
        let start = index
        let kind: JSONText.Kind
        switch current {
        case UInt8(ascii: "{"):
            kind = .object
            try members(depth: depth) { (_, _) throws(JSONSyntaxError) in }
        case UInt8(ascii: "["):
            kind = .array
            try elements(depth: depth) { (_) throws(JSONSyntaxError) in }
        case UInt8(ascii: "\""):
            kind = .string
            try string()
        case UInt8(ascii: "t"):
            kind = .boolean
            try literal("true")
        case UInt8(ascii: "f"):
            kind = .boolean
            try literal("false")
        case UInt8(ascii: "n"):
            kind = .null
            try literal("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            kind = .number
            try number()
        default:
            throw unexpected(wanted: "a value")
        }
        return JSONText(kind: kind, bytes: bytes[start..<index])
    }

    /// Takes an object, and hands out its members in order; the key with its quotes.
    package mutating func members(
        depth: Int = 0, _ body: (JSONText, JSONText) throws(JSONSyntaxError) -> Void
    ) throws(JSONSyntaxError) {
        guard depth < Self.maximumDepth else { throw failure("Values nested over \(Self.maximumDepth) deep") }
        guard take("{") else { throw unexpected(wanted: "'{'") }
        skipWhitespace()
        if take("}") { return }
        while true {
            skipWhitespace()
            let start = index
            guard current == UInt8(ascii: "\"") else { throw unexpected(wanted: "a key in double quotes") }
            try string()
            let key = JSONText(kind: .string, bytes: bytes[start..<index])
            skipWhitespace()
            guard take(":") else { throw unexpected(wanted: "':'") }
            skipWhitespace()
            try body(key, value(depth: depth + 1))
            skipWhitespace()
            if take("}") { return }
            guard take(",") else { throw unexpected(wanted: "',' or '}'") }
        }
    }

    /// Takes an array, and hands out its elements in order.
    package mutating func elements(
        depth: Int = 0, _ body: (JSONText) throws(JSONSyntaxError) -> Void
    ) throws(JSONSyntaxError) {
        guard depth < Self.maximumDepth else { throw failure("Values nested over \(Self.maximumDepth) deep") }
        guard take("[") else { throw unexpected(wanted: "'['") }
        skipWhitespace()
        if take("]") { return }
        while true {
            skipWhitespace()
            try body(value(depth: depth + 1))
            skipWhitespace()
            if take("]") { return }
            guard take(",") else { throw unexpected(wanted: "',' or ']'") }
        }
    }

    private mutating func string() throws(JSONSyntaxError) {
        index += 1
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return
            case UInt8(ascii: "\\"):
                index += 1
                try escape()
            case 0..<0x20:
                throw failure("A control character that is not escaped stands in a string")
            default: index += 1
            }
        }
        throw failure("A string has no closing quote: the text ends")
    }

    private mutating func escape() throws(JSONSyntaxError) {
        switch current {
        case UInt8(ascii: "u"):
            index += 1
            for _ in 0..<4 {
                switch current {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                    UInt8(ascii: "A")...UInt8(ascii: "F"):
                    index += 1
                default: throw unexpected(wanted: "a hexadecimal digit")
                }
            }
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 1
        default: throw unexpected(wanted: "an escape of JSON (\\n, \\u00e9, …)")
        }
    }

    private mutating func number() throws(JSONSyntaxError) {
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = index
        while index < bytes.endIndex, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        guard index > start else { throw unexpected(wanted: "a digit") }
    }

    private mutating func literal(_ text: StaticString) throws(JSONSyntaxError) {
        let matches = text.withUTF8Buffer { bytes[index...].starts(with: $0) }
        guard matches else { throw failure("A word that is not true, false or null stands") }
        index += text.utf8CodeUnitCount
    }
}
