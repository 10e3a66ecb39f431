import DaybookCore

/// `ReadLogRequest`.
package struct LogPageRequest: WireMessage {
    package var cursor: LogCursor
    package var direction: ReadDirection
    package var filter: EventFilter
    package var limit: Int

    package init(cursor: LogCursor, direction: ReadDirection, filter: EventFilter, limit: Int) {
        self.cursor = cursor
        self.direction = direction
        self.filter = filter
        self.limit = limit
    }

    package func write(to writer: inout WireWriter) {
        writer.message(1, WireCursor(cursor))
        writer.number(2, direction.wireNumber)
        writer.message(3, filter)
        writer.number(4, Int64(limit))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(cursor: .start, direction: .forward, filter: .all, limit: 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: cursor = try reader.message(field, WireCursor.self).ofLog()
            case 2: direction = try ReadDirection(wireNumber: try reader.number(field))
            case 3: filter = try reader.message(field, EventFilter.self)
            case 4: limit = Int(try reader.number(field))
            default: break
            }
        }
    }
}
