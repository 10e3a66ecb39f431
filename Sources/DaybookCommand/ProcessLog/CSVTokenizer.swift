/// Takes a table of comma-separated values apart into rows (RFC 4180): quotes, doubled quotes, line ends in quotes; lines
/// end with CRLF or LF.
struct CSVTokenizer {
    struct Row: Equatable {
        /// The line on which the row begins, from 1.
        var line: Int
        var fields: [String]
    }

    /// A longer row is refused.
    static let maximumRowBytes = 4 << 20

    private enum State { case fieldStart, plain, quoted, quoteInQuoted, badRow }

    private var state = State.fieldStart
    private var field: [UInt8] = []
    private var fields: [String] = []
    private var rowBytes = 0
    private var rowLine = 1
    private var line = 1

    /// Takes the next byte. Returns a row when the byte ends one; a line without any character is no row.
    ///
    /// - Throws: What is wrong, when the byte shows it; the rest of that line is then passed over.
    mutating func take(_ byte: UInt8) throws(MalformedInput) -> Row? {
        rowBytes += 1
        if byte == UInt8(ascii: "\n") { line += 1 }
        guard rowBytes <= Self.maximumRowBytes || state == .badRow else {
            throw bad("The row has more than \(Self.maximumRowBytes) bytes; perhaps a quote is not closed.", at: byte)
        }
        switch (state, byte) {
        case (.badRow, UInt8(ascii: "\n")): reset()
        case (.badRow, _): break
        case (.quoted, UInt8(ascii: "\"")): state = .quoteInQuoted
        case (.quoted, _): field.append(byte)
        case (.quoteInQuoted, UInt8(ascii: "\"")):
            field.append(byte)
            state = .quoted
        case (_, UInt8(ascii: ",")):
            try endField(byte)
            state = .fieldStart
        case (_, UInt8(ascii: "\n")): return try endRow(byte)
        case (_, UInt8(ascii: "\r")) where state != .plain:
            state = state == .fieldStart ? .plain : state
            if state == .plain { field.append(byte) }
        case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
        case (.fieldStart, _), (.plain, _):
            guard byte != UInt8(ascii: "\"") else {
                throw bad(
                    "A quote stands inside a field without quotes: put the field in quotes and double it.", at: byte)
            }
            field.append(byte)
            state = .plain
        case (.quoteInQuoted, _):
            throw bad("Text follows a closing quote: double the quotes that are inside a field.", at: byte)
        }
        return nil
    }

    /// The last row, when the input does not end with a line end.
    mutating func finish() throws(MalformedInput) -> Row? {
        if state == .quoted { throw bad("A quote is not closed before the input ends.", at: 0) }
        return state == .badRow ? nil : try endRow(0)
    }

    private mutating func endField(_ byte: UInt8) throws(MalformedInput) {
        guard let text = String(validating: field, as: UTF8.self) else {
            throw bad("A field is not UTF-8: convert the file, for example with iconv.", at: byte)
        }
        fields.append(text)
        field.removeAll(keepingCapacity: true)
    }

    private mutating func endRow(_ byte: UInt8) throws(MalformedInput) -> Row? {
        if state == .plain, field.last == UInt8(ascii: "\r") { field.removeLast() }
        if fields.isEmpty, field.isEmpty, state != .quoteInQuoted {
            reset()
            return nil
        }
        try endField(byte)
        let row = Row(line: rowLine, fields: fields)
        reset()
        return row
    }

    private mutating func bad(_ reason: String, at byte: UInt8) -> MalformedInput {
        let error = MalformedInput(line: rowLine, reason: reason)
        reset()
        if byte != UInt8(ascii: "\n") { state = .badRow }
        return error
    }

    private mutating func reset() {
        state = .fieldStart
        field.removeAll(keepingCapacity: true)
        fields = []
        rowBytes = 0
        rowLine = line
    }
}
