/// Rows in columns for people. Rows come in pieces, each piece laid out as wide as it needs, and never narrower than the
/// one before, so that a long table needs no memory.
struct Table {
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment: Alignment = .left
        /// Reserved from the first row on, for rows that come one at a time.
        var minimumWidth = 0
    }

    private let columns: [Column]
    private var widths: [Int]
    private var hasHeader = false
    /// Columns of the terminal: the last column is cut to fit.
    private let width: Int?

    init(_ columns: [Column], width: Int? = Terminal.width) {
        self.columns = columns
        self.width = width
        widths = columns.map { max($0.title.count, $0.minimumWidth) }
    }

    /// The next rows as text, under the header when they are the first.
    mutating func text(of rows: [[String]]) -> String {
        let rows = rows.map { $0.map(\.printable) }
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count - 1 {
                widths[index] = max(widths[index], cell.count)
            }
        }
        var text = ""
        if !hasHeader {
            hasHeader = true
            text += line(columns.map(\.title))
        }
        for row in rows { text += line(row) }
        return text
    }

    private func line(_ cells: [String]) -> String {
        var line = ""
        for (index, cell) in cells.enumerated() {
            let isLast = index == cells.count - 1
            if index > 0 { line += "  " }
            if !isLast {
                line += cell.padded(to: widths[index], alignment: columns[index].alignment)
            } else if let width {
                line += cell.shortened(to: max(12, width - line.count))
            } else {
                line += cell
            }
        }
        while line.last == " " { line.removeLast() }
        return line + "\n"
    }
}
