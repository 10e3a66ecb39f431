import Foundation

/// The terminal that standard output goes to, if it does.
enum Terminal {
    static let isOutput = isatty(1) == 1

    /// Columns of the terminal; nil when the output goes elsewhere, where no line needs to be cut.
    static var width: Int? {
        guard isOutput else { return nil }
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}

extension String {
    /// The text without the characters that would move a terminal's cursor or change its colours.
    var printable: String {
        guard unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return self }
        var text = ""
        for scalar in unicodeScalars {
            if scalar.properties.generalCategory == .control { text += "·" } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    /// At most so many characters, the last an ellipsis when there were more.
    func shortened(to width: Int) -> String { count <= width ? self : String(prefix(Swift.max(0, width - 1))) + "…" }

    func padded(to width: Int, alignment: Table.Alignment = .left) -> String {
        let padding = String(repeating: " ", count: Swift.max(0, width - count))
        return alignment == .left ? self + padding : padding + self
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

    /// A size in bytes for people: `3.2 MiB`.
    var byteSize: String {
        var value = Double(self)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if value < 1024 { return unit == "bytes" ? "\(self) bytes" : "\(value.decimal(1)) \(unit)" }
            value /= 1024
        }
        return "\(value.decimal(1)) TiB"
    }
}
