import DaybookCore

extension StreamPage: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.message(1, state)
        writer.flag(2, isAtEnd)
        events.write(3, to: &writer)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(events: [], state: StreamState(), isAtEnd: false)
        var texts = WireTexts()
        while let field = try reader.next() {
            switch field.number {
            case 1: state = try reader.message(field, StreamState.self)
            case 2: isAtEnd = try reader.flag(field)
            case 3: try events.append(field, of: reader, texts: &texts)
            default: break
            }
        }
    }
}

extension LogPage: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, scannedThrough.rawValue)
        writer.flag(2, isAtEnd)
        events.write(3, to: &writer)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(events: [], scannedThrough: .start, isAtEnd: false)
        var texts = WireTexts()
        while let field = try reader.next() {
            switch field.number {
            case 1: scannedThrough = Position(try reader.number(field))
            case 2: isAtEnd = try reader.flag(field)
            case 3: try events.append(field, of: reader, texts: &texts)
            default: break
            }
        }
    }
}
