/// One tag of XML, from `<` to `>`, taken apart.
struct XMLTag {
    private let bytes: ArraySlice<UInt8>
    private let line: Int
    private var index: Int

    /// - Parameter line: The line on which the tag begins, for messages.
    init(bytes: ArraySlice<UInt8>, line: Int) {
        self.bytes = bytes
        self.line = line
        index = bytes.startIndex + 1
    }

    private func failure(_ reason: String) -> MalformedInput {
        MalformedInput(line: line, reason: reason, canContinue: false)
    }

    /// The name in `</name>`.
    mutating func endName() throws(MalformedInput) -> String {
        index += 1
        let name = try name()
        skipSpace()
        guard index == bytes.endIndex - 1 else { throw failure("</\(name) is not closed by '>' behind its name.") }
        return name
    }

    /// The name and attributes of `<name key="value">`, and whether the element ends with `/>`.
    mutating func start() throws(MalformedInput) -> (String, [XMLTokenizer.Attribute], Bool) {
        let tagName = try name()
        var attributes: [XMLTokenizer.Attribute] = []
        while true {
            let before = index
            skipSpace()
            if bytes[index] == UInt8(ascii: ">") { return (tagName, attributes, false) }
            if bytes[index] == UInt8(ascii: "/") {
                guard index == bytes.endIndex - 2 else { throw failure("A '/' stands inside <\(tagName).") }
                return (tagName, attributes, true)
            }
            guard index > before else { throw failure("A space is missing before an attribute of <\(tagName).") }
            let key = try name()
            skipSpace()
            guard bytes[index] == UInt8(ascii: "=") else {
                throw failure("Attribute '\(key)' of <\(tagName) has no '='.")
            }
            index += 1
            skipSpace()
            let value = try self.value(of: key)
            guard !attributes.contains(where: { $0.name == key }) else {
                throw failure("Attribute '\(key)' stands twice in <\(tagName).")
            }
            attributes.append(XMLTokenizer.Attribute(name: key, value: value))
        }
    }

    private mutating func skipSpace() {
        while index < bytes.endIndex - 1, XMLTokenizer.isSpace(bytes[index]) { index += 1 }
    }

    private mutating func name() throws(MalformedInput) -> String {
        let start = index
        while index < bytes.endIndex, Self.isNameByte(bytes[index]) { index += 1 }
        guard index > start, let text = String(validating: bytes[start..<index], as: UTF8.self) else {
            throw failure("A name is missing behind '<', or before '='.")
        }
        return text
    }

    /// Letters, digits and the marks that names have; every character beyond ASCII is let through.
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"),
            UInt8(ascii: "."), 0x80...:
            true
        default: false
        }
    }

    private mutating func value(of key: String) throws(MalformedInput) -> String {
        let quote = bytes[index]
        guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw failure("The value of '\(key)' has no quotes.")
        }
        let start = index + 1
        guard let end = bytes[start...].firstIndex(of: quote) else {
            throw failure("The value of '\(key)' has no closing quote.")
        }
        index = end + 1
        let raw = bytes[start..<end]
        let isPlain = !raw.contains { $0 == UInt8(ascii: "&") || $0 == UInt8(ascii: "<") || $0 < 0x20 }
        let text = isPlain ? raw : try unescaped(raw, key: key)[...]
        guard let value = String(validating: text, as: UTF8.self) else {
            throw failure("The value of '\(key)' is not UTF-8.")
        }
        return value
    }

    private func unescaped(_ raw: ArraySlice<UInt8>, key: String) throws(MalformedInput) -> [UInt8] {
        var text: [UInt8] = []
        var place = raw.startIndex
        while place < raw.endIndex {
            switch raw[place] {
            case UInt8(ascii: "<"): throw failure("The value of '\(key)' has a '<': write '&lt;'.")
            case 0x09, 0x0A, 0x0D: text.append(0x20)  // Whitespace in attributes is normalised.
            case 0..<0x20: throw failure("The value of '\(key)' has a control character.")
            case UInt8(ascii: "&"):
                guard let end = raw[place...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
                    throw failure("The value of '\(key)' has a '&' that begins no reference: write '&amp;'.")
                }
                text += try reference(String(decoding: raw[(place + 1)..<end], as: UTF8.self)).utf8
                place = end
            default: text.append(raw[place])
            }
            place += 1
        }
        return text
    }

    private func reference(_ name: String) throws(MalformedInput) -> String {
        switch name {
        case "lt": return "<"
        case "gt": return ">"
        case "amp": return "&"
        case "quot": return "\""
        case "apos": return "'"
        default:
            let code =
                name.hasPrefix("#x")
                ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
            guard let code, code >= 0x20 || code == 9 || code == 10 || code == 13,
                let scalar = Unicode.Scalar(code)
            else {
                throw failure("The reference '&\(name);' is not known: only &lt; &gt; &amp; &quot; &apos; &#…; are.")
            }
            return String(Character(scalar))
        }
    }
}
