import DaybookCore

/// A document, or that there is none of its key.
package struct WireDocument: WireMessage {
    package var key: String
    package var data: [UInt8]?

    package init(key: String, data: [UInt8]?) {
        self.key = key
        self.data = data
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, key)
        if let data { writer.data(2, present: data) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(key: "", data: nil)
        while let field = try reader.next() {
            switch field.number {
            case 1: key = try reader.text(field)
            case 2: data = Array(try reader.data(field))
            default: break
            }
        }
    }
}

extension DocumentBatch: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, model.rawValue)
        writer.number(2, previous.rawValue)
        writer.number(3, checkpoint.rawValue)
        for (key, data) in changes { writer.message(4, WireDocument(key: key, data: data)) }
        for (key, data) in expected { writer.message(5, WireDocument(key: key, data: data)) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var model: ReadModelName?
        var (previous, checkpoint) = (Position.start, Position.start)
        var changes: [String: [UInt8]?] = [:]
        var expected: [String: [UInt8]?] = [:]
        while let field = try reader.next() {
            switch field.number {
            case 1: model = try reader.name(field, ReadModelName.self)
            case 2: previous = Position(try reader.number(field))
            case 3: checkpoint = Position(try reader.number(field))
            case 4:
                let document = try reader.message(field, WireDocument.self)
                changes.updateValue(document.data, forKey: document.key)
            case 5:
                let document = try reader.message(field, WireDocument.self)
                expected.updateValue(document.data, forKey: document.key)
            default: break
            }
            guard changes.count <= Limits.documentsPerBatch, expected.count <= Limits.documentsPerBatch else {
                throw WireError("A batch changes or expects more than \(Limits.documentsPerBatch) documents.")
            }
        }
        guard let model else { throw WireError("The batch names no read model.") }
        self.init(model: model, changes: changes, previous: previous, checkpoint: checkpoint, expected: expected)
    }
}
