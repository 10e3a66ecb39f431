/// Rows in columns for people.
struct Table {
    private let titles: [String]
    /// Whether a column holds numbers, which stand to the right.
    private let isNumeric: [Bool]
    private var rows: [[String]] = []

    /// - Parameter columns: Titles; one that begins with `>` is a column of numbers.
    init(_ columns: [String]) {
        isNumeric = columns.map { $0.hasPrefix(">") }
        titles = columns.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        var widths = titles.map(\.count)
        for row in rows {
            for (index, cell) in row.enumerated() { widths[index] = max(widths[index], cell.count) }
        }
        return ([titles] + rows).map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                line += (index > 0 ? "  " : "") + (isNumeric[index] ? padding + cell : cell + padding)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}

extension BinaryInteger {
    /// Groups of three digits, parted by commas: `262,200`.
    var grouped: String {
        var text = ""
        for (index, digit) in String(magnitude).reversed().enumerated() {
            if index > 0 && index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (self < 0 ? "-" : "") + String(text.reversed())
    }
}
