import DaybookCore

extension EventID: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.fixed(1, high)
        writer.fixed(2, low)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var (high, low): (UInt64, UInt64) = (0, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: high = try reader.word(field)
            case 2: low = try reader.word(field)
            default: break
            }
        }
        self.init(high: high, low: low)
    }
}

extension ContentType {
    /// Empty for JSON, which most events are.
    var wireText: String { self == .json ? "" : rawValue }
}
