import DaybookCore

extension NewEvent: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.message(1, id)
        writer.text(2, type.rawValue)
        writer.number(3, Int64(schemaVersion))
        writer.text(4, contentType.wireText)
        writer.data(5, data)
        writer.data(6, metadata)
        for tag in tags { writer.text(7, present: tag.rawValue) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var event = NewEvent(id: EventID(high: 0, low: 0), type: EventType(unchecked: ""), schemaVersion: 0, data: [])
        while let field = try reader.next() {
            switch field.number {
            case 1: event.id = try reader.message(field, EventID.self)
            case 2: event.type = try reader.name(field, EventType.self)
            case 3:
                guard let version = UInt32(exactly: try reader.word(field)) else {
                    throw WireError("The version of a schema has more than 32 bits.")
                }
                event.schemaVersion = version
            case 4: event.contentType = try reader.name(field, ContentType.self)
            case 5: event.data = Array(try reader.data(field))
            case 6: event.metadata = Array(try reader.data(field))
            case 7:
                guard event.tags.count < Limits.tagsPerEvent else {
                    throw WireError("An event has more than \(Limits.tagsPerEvent) tags.")
                }
                event.tags.append(try reader.name(field, Tag.self))
            default: break
            }
        }
        guard !event.type.rawValue.isEmpty else { throw WireError("An event has no type.") }
        self = event
    }
}
