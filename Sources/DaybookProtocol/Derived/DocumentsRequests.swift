import DaybookCore

package struct GetDocumentsRequest: WireMessage {
    /// How many keys a request may have.
    package static let keyLimit = 10_000

    package let model: ReadModelName
    package let keys: [String]

    package init(_ keys: [String], of model: ReadModelName) {
        self.keys = keys
        self.model = model
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, model.rawValue)
        for key in keys { writer.text(2, present: key) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var model: ReadModelName?
        var keys: [String] = []
        while let field = try reader.next() {
            switch field.number {
            case 1: model = try reader.name(field, ReadModelName.self)
            case 2:
                guard keys.count < Self.keyLimit else {
                    throw WireError("More than \(Self.keyLimit) documents are asked for.")
                }
                keys.append(try reader.text(field))
            default: break
            }
        }
        guard let model else { throw WireError("The request names no read model.") }
        self.init(keys, of: model)
    }
}

package struct ListDocumentsRequest: WireMessage {
    package let model: ReadModelName
    package let after: String?
    package let limit: Int

    package init(model: ReadModelName, after: String?, limit: Int) {
        self.model = model
        self.after = after
        self.limit = limit
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, model.rawValue)
        writer.text(2, optional: after)
        writer.number(3, Int64(limit))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var model: ReadModelName?
        var after: String?
        var limit = 0
        while let field = try reader.next() {
            switch field.number {
            case 1: model = try reader.name(field, ReadModelName.self)
            case 2: after = try reader.text(field)
            case 3: limit = Int(try reader.number(field))
            default: break
            }
        }
        guard let model else { throw WireError("The request names no read model.") }
        self.init(model: model, after: after, limit: limit)
    }
}

/// `DocumentsResponse`: some of what was asked for.
package struct DocumentsPage: WireMessage {
    package var documents: [WireDocument] = []
    /// How many of the keys were looked at.
    package var examined = 0
    package var isAtEnd = false

    package init() {}

    package func write(to writer: inout WireWriter) {
        for document in documents { writer.message(1, document) }
        writer.number(2, Int64(examined))
        writer.flag(3, isAtEnd)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        while let field = try reader.next() {
            switch field.number {
            case 1: documents.append(try reader.message(field, WireDocument.self))
            case 2: examined = Int(try reader.number(field))
            case 3: isAtEnd = try reader.flag(field)
            default: break
            }
        }
    }
}
