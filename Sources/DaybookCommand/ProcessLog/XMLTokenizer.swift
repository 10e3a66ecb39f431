/// Takes XML apart into its tags, piece by piece (https://www.w3.org/TR/xml/), with no more in memory than one tag.
///
/// A tokenizer of our own, since it is pulled: the reader waits for the store, and memory stays flat, where a SAX parser
/// pushes. It takes UTF-8 and no document type, so that no entity can be declared, and none can grow. Text between tags
/// is passed over: process logs keep everything in attributes.
struct XMLTokenizer {
    enum Token: Equatable {
        case start(name: String, attributes: [Attribute])
        case end(name: String)
    }

    struct Attribute: Equatable {
        var name: String
        var value: String
    }

    /// A tag or comment over this is refused.
    static let maximumTokenBytes = 4 << 20
    static let maximumDepth = 256

    private var buffer: [UInt8] = []
    private var index = 0
    private var isFinished = false
    private var open: [String] = []
    private var hasRoot = false
    /// A tag that closed itself is an end, too.
    private var pendingEnd: String?
    private var hasBegun = false
    /// The line at hand, from 1.
    private(set) var line = 1

    /// Adds bytes of the input.
    mutating func feed(_ bytes: [UInt8]) {
        buffer.removeFirst(index)
        index = 0
        buffer += bytes
    }

    /// Says that the input has ended.
    mutating func finish() { isFinished = true }

    /// The next tag; nil when more input is needed, or, after ``finish()``, at the end of a whole document.
    mutating func next() throws(MalformedInput) -> Token? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name: name)
        }
        guard try begin() else { return nil }
        while true {
            guard let start = position(of: UInt8(ascii: "<"), from: index) else {
                try skipText(to: buffer.count)
                if isFinished { try checkEnd() }
                return nil
            }
            try skipText(to: start)
            if starts(with: "<!--") {
                guard try skip(past: "-->", what: "comment") else { return nil }
            } else if starts(with: "<?") {
                guard try skip(past: "?>", what: "processing instruction") else { return nil }
            } else if starts(with: "<![CDATA[") {
                guard try skip(past: "]]>", what: "CDATA section") else { return nil }
            } else if buffer.count - index < 9, !isFinished {
                return nil
            } else if starts(with: "<!") {
                throw failure("A document type is declared: remove it; it could declare entities that grow.")
            } else {
                return try tag()
            }
        }
    }

    private func failure(_ reason: String) -> MalformedInput {
        MalformedInput(line: line, reason: reason, canContinue: false)
    }

    /// Looks at the first bytes: only UTF-8 is taken. False when there are too few.
    private mutating func begin() throws(MalformedInput) -> Bool {
        guard !hasBegun else { return true }
        guard buffer.count >= 8 || isFinished else { return false }  // A byte order mark, and `<?xml`.
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
        if buffer.starts(with: [0xFE, 0xFF]) || buffer.starts(with: [0xFF, 0xFE]) || buffer.prefix(4).contains(0) {
            throw failure("The text is not UTF-8: convert it, for example with iconv.")
        }
        if starts(with: "<?xml") {
            guard let end = end(of: "?>", from: index) else {
                if isFinished || buffer.count > 1024 { throw failure("The XML declaration has no end.") }
                return false
            }
            let declaration = String(decoding: buffer[index..<end], as: UTF8.self).lowercased()
            if declaration.contains("encoding"), !declaration.contains("utf-8"), !declaration.contains("us-ascii") {
                throw failure("The text is not UTF-8 but as '\(declaration)' says: convert it, for example with iconv.")
            }
        }
        hasBegun = true
        return true
    }

    private func checkEnd() throws(MalformedInput) {
        if let name = open.last { throw failure("The text ends inside <\(name)>: the file is cut short.") }
        if !hasRoot { throw failure("The text has no element: it is not XML.") }
    }

    private mutating func skipText(to end: Int) throws(MalformedInput) {
        if open.isEmpty, let stray = buffer[index..<end].firstIndex(where: { !Self.isSpace($0) }) {
            advance(to: stray)
            throw failure("The character with code \(buffer[stray]) stands outside every element: this is not XML.")
        }
        advance(to: end)
    }

    private mutating func advance(to end: Int) {
        line += buffer.withUnsafeBytes { bytes in
            var count = 0
            for place in index..<end where bytes[place] == UInt8(ascii: "\n") { count += 1 }
            return count
        }
        index = end
    }

    /// Passes over a part with a closing mark; false when more input is needed.
    private mutating func skip(past mark: StaticString, what: String) throws(MalformedInput) -> Bool {
        guard let end = end(of: mark, from: index) else {
            try checkSize(what)
            return false
        }
        advance(to: end)
        return true
    }

    private func checkSize(_ what: String) throws(MalformedInput) {
        if isFinished { throw failure("The text ends inside a \(what): the file is cut short.") }
        if buffer.count - index > Self.maximumTokenBytes {
            throw failure("A \(what) has more than \(Self.maximumTokenBytes) bytes.")
        }
    }

    /// Takes the tag at hand; nil when more input is needed.
    private mutating func tag() throws(MalformedInput) -> Token? {
        guard let end = endOfTag() else {
            try checkSize("tag")
            return nil
        }
        var tag = XMLTag(bytes: buffer[index..<end], line: line)
        let token: Token
        if buffer[index + 1] == UInt8(ascii: "/") {
            let name = try tag.endName()
            guard open.last == name else {
                throw failure(
                    "</\(name)> closes "
                        + (open.last.map { "<\($0)>: each element is closed by its own name." }
                            ?? "nothing that is open."))
            }
            open.removeLast()
            token = .end(name: name)
        } else {
            let (name, attributes, closes) = try tag.start()
            guard !open.isEmpty || !hasRoot else { throw failure("<\(name)> stands behind the document's end.") }
            guard open.count < Self.maximumDepth else { throw failure("Elements nest over \(Self.maximumDepth) deep.") }
            hasRoot = true
            if closes { pendingEnd = name } else { open.append(name) }
            token = .start(name: name, attributes: attributes)
        }
        advance(to: end)
        return token
    }

    /// The end of the tag at hand: behind the first `>` outside quotes.
    private func endOfTag() -> Int? {
        buffer.withUnsafeBytes { bytes in
            var quote: UInt8 = 0
            for place in index..<bytes.count {
                let byte = bytes[place]
                if quote != 0 {
                    if byte == quote { quote = 0 }
                } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                    quote = byte
                } else if byte == UInt8(ascii: ">") {
                    return place + 1
                }
            }
            return nil
        }
    }

    private func position(of byte: UInt8, from start: Int) -> Int? {
        buffer.withUnsafeBytes { bytes in bytes[start...].firstIndex(of: byte) }
    }

    private func end(of mark: StaticString, from start: Int) -> Int? {
        mark.withUTF8Buffer { mark in
            var place = start
            while let found = position(of: mark[0], from: place) {
                if buffer[found...].starts(with: mark) { return found + mark.count }
                place = found + 1
            }
            return nil
        }
    }

    private func starts(with mark: StaticString) -> Bool {
        mark.withUTF8Buffer { buffer[index...].starts(with: $0) }
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
}
