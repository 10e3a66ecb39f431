import DaybookCore

/// `ReadStreamRequest`.
package struct StreamPageRequest: WireMessage {
    package var stream: StreamName
    package var cursor: StreamCursor
    package var direction: ReadDirection
    package var limit: Int

    package init(stream: StreamName, cursor: StreamCursor, direction: ReadDirection, limit: Int) {
        self.stream = stream
        self.cursor = cursor
        self.direction = direction
        self.limit = limit
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, stream.rawValue)
        writer.message(2, WireCursor(cursor))
        writer.number(3, direction.wireNumber)
        writer.number(4, Int64(limit))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(stream: StreamName(unchecked: ""), cursor: .start, direction: .forward, limit: 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: stream = StreamName(unchecked: try reader.text(field))
            case 2: cursor = try reader.message(field, WireCursor.self).ofStream()
            case 3: direction = try ReadDirection(wireNumber: try reader.number(field))
            case 4: limit = Int(try reader.number(field))
            default: break
            }
        }
    }
}
