import DaybookCore

extension RecordedEvent: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.message(1, id)
        writer.text(2, type.rawValue)
        writer.number(3, Int64(schemaVersion))
        writer.text(4, contentType.wireText)
        writer.data(5, data)
        writer.data(6, metadata)
        for tag in tags { writer.text(7, present: tag.rawValue) }
        writer.text(8, stream.rawValue)
        writer.number(9, version.rawValue)
        writer.number(10, position.rawValue)
        writer.number(11, recordedAt.microseconds)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var texts = WireTexts()
        try self.init(wire: &reader, texts: &texts)
    }

    /// - Parameter texts: Of the events that were read before from the same message.
    init(wire reader: inout WireReader, texts: inout WireTexts) throws(WireError) {
        var id = EventID(high: 0, low: 0)
        var (type, stream, contentType) = ("", "", "")
        var schemaVersion: UInt32 = 0
        var (data, metadata): (ArraySlice<UInt8>, ArraySlice<UInt8>) = ([], [])
        var tags: [Tag] = []
        var (version, position, recordedAt): (Int64, Int64, Int64) = (0, 0, 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: id = try reader.message(field, EventID.self)
            case 2: type = try reader.text(field, in: &texts)
            case 3: schemaVersion = UInt32(truncatingIfNeeded: try reader.word(field))
            case 4: contentType = try reader.text(field, in: &texts)
            case 5: data = try reader.data(field)
            case 6: metadata = try reader.data(field)
            case 7:
                guard tags.count < Limits.tagsPerEvent else {
                    throw WireError("An event has more than \(Limits.tagsPerEvent) tags.")
                }
                tags.append(Tag(unchecked: try reader.text(field, in: &texts)))
            case 8: stream = try reader.text(field, in: &texts)
            case 9: version = try reader.number(field)
            case 10: position = try reader.number(field)
            case 11: recordedAt = try reader.number(field)
            default: break
            }
        }
        self.init(
            id: id, type: EventType(unchecked: type), schemaVersion: schemaVersion,
            contentType: contentType.isEmpty ? .json : ContentType(unchecked: contentType), data: data,
            metadata: metadata, tags: tags, stream: StreamName(unchecked: stream), version: StreamVersion(version),
            position: Position(position), recordedAt: Timestamp(microseconds: recordedAt))
    }
}

extension [RecordedEvent] {
    /// Writes the events of a page, each as a field.
    func write(_ field: Int, to writer: inout WireWriter) {
        let bytes = reduce(0) { $0 + $1.data.count + $1.metadata.count }
        writer.reserve(bytes + count * 160)
        for event in self { writer.message(field, event) }
    }

    mutating func append(
        _ field: WireReader.Field, of reader: WireReader, texts: inout WireTexts
    ) throws(WireError) {
        guard count < Limits.eventsPerPage else { throw WireError("A page has more than \(count) events.") }
        var event = try reader.reader(field)
        append(try RecordedEvent(wire: &event, texts: &texts))
    }
}
