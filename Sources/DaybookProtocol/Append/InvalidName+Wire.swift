import DaybookCore

extension InvalidName: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, kind)
        writer.text(2, text)
        switch reason {
        case .length(let bytes): writer.number(4, Int64(bytes))
        case .controlCharacter: writer.number(3, 1)
        case .reserved(let prefix):
            writer.number(3, 2)
            writer.text(5, prefix)
        case .dash: writer.number(3, 3)
        }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var (kind, text, prefix) = ("", "", "")
        var (code, length): (Int64, Int64) = (0, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: kind = try reader.text(field)
            case 2: text = try reader.text(field)
            case 3: code = try reader.number(field)
            case 4: length = try reader.number(field)
            case 5: prefix = try reader.text(field)
            default: break
            }
        }
        let reason: Reason =
            switch code {
            case 1: .controlCharacter
            case 2: .reserved(prefix: prefix)
            case 3: .dash
            default: .length(Int(length))
            }
        self.init(kind: kind, text: text, reason: reason)
    }
}
