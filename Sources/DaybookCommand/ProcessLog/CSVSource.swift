import DaybookCore

/// Reads a process log from a table with a header: a row is an event, in the stream of its case.
///
/// The columns other than those of the case, the activity and the time are the event's data, as text; empty fields are
/// left out.
struct CSVSource: ImportSource {
    private let source: ByteSource
    private let category: Category
    private let caseColumn: String
    private let activityColumn: String
    private let timeColumn: String
    private var tokenizer = CSVTokenizer()
    private var piece: ArraySlice<UInt8> = []
    /// How many bytes of a byte order mark have come; nil behind the beginning.
    private var markBytes: Int? = 0
    private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
    private var isAtEnd = false
    private var bytesRead: Int64 = 0
    private var header: Header?

    private struct Header {
        var columns: [String]
        var caseIndex: Int
        var activityIndex: Int
        var timeIndex: Int
    }

    init(_ source: ByteSource, category: Category, caseColumn: String, activityColumn: String, timeColumn: String) {
        self.source = source
        self.category = category
        self.caseColumn = caseColumn
        self.activityColumn = activityColumn
        self.timeColumn = timeColumn
    }

    var share: Double? { source.fileBytes.map { $0 > 0 ? Double(bytesRead) / Double($0) : 1 } }

    mutating func next() async throws -> ImportedEvent? {
        while let row = try await row() {
            guard let header else {
                self.header = try readHeader(row)
                continue
            }
            return try imported(row, header)
        }
        guard header != nil else {
            throw MalformedInput(line: 1, reason: "The input is empty: a header is missing.", canContinue: false)
        }
        return nil
    }

    private mutating func row() async throws -> CSVTokenizer.Row? {
        while true {
            while let byte = piece.popFirst() {
                if let row = try take(byte) { return row }
            }
            if isAtEnd { return nil }
            if let bytes = try await source.next() {
                bytesRead += Int64(bytes.count)
                piece = bytes[...]
            } else {
                isAtEnd = true
                if let row = try takeHeldBytes() { return row }
                return try tokenizer.finish()
            }
        }
    }

    /// Passes over a byte order mark at the very beginning, in however many pieces it comes.
    private mutating func take(_ byte: UInt8) throws(MalformedInput) -> CSVTokenizer.Row? {
        guard let count = markBytes else { return try tokenizer.take(byte) }
        if byte == Self.byteOrderMark[count] {
            markBytes = count + 1 < Self.byteOrderMark.count ? count + 1 : nil
            return nil
        }
        let row = try takeHeldBytes()
        return try tokenizer.take(byte) ?? row
    }

    /// Takes the beginning of a byte order mark for what it is without its end.
    private mutating func takeHeldBytes() throws(MalformedInput) -> CSVTokenizer.Row? {
        defer { markBytes = nil }
        var row: CSVTokenizer.Row?
        for byte in Self.byteOrderMark.prefix(markBytes ?? 0) { row = try tokenizer.take(byte) ?? row }
        return row
    }

    private func readHeader(_ row: CSVTokenizer.Row) throws(MalformedInput) -> Header {
        func index(of column: String, option: String) throws(MalformedInput) -> Int {
            guard let index = row.fields.firstIndex(of: column) else {
                throw MalformedInput(
                    line: row.line,
                    reason:
                        "The header has no column '\(column)': name one of '\(row.fields.joined(separator: "', '"))' "
                        + "with \(option).", canContinue: false)
            }
            return index
        }
        if let column = row.fields.first(where: { name in row.fields.filter { $0 == name }.count > 1 }) {
            throw MalformedInput(
                line: row.line, reason: "The header names the column '\(column)' twice.", canContinue: false)
        }
        return Header(
            columns: row.fields, caseIndex: try index(of: caseColumn, option: "--case-column"),
            activityIndex: try index(of: activityColumn, option: "--activity-column"),
            timeIndex: try index(of: timeColumn, option: "--time-column"))
    }

    private func imported(_ row: CSVTokenizer.Row, _ header: Header) throws(MalformedInput) -> ImportedEvent {
        guard row.fields.count == header.columns.count else {
            throw MalformedInput(
                line: row.line,
                reason: "The row has \(row.fields.count) fields, and the header \(header.columns.count).")
        }
        var data = JSONLine()
        for (index, field) in row.fields.enumerated() where !field.isEmpty {
            if index == header.caseIndex || index == header.activityIndex || index == header.timeIndex { continue }
            data.add(header.columns[index], field)
        }
        return try ImportedEvent(
            line: row.line, category: category, caseName: row.fields[header.caseIndex],
            activity: row.fields[header.activityIndex], time: row.fields[header.timeIndex], data: data.object)
    }
}
