import DaybookCore

/// `StreamsRequest`.
package struct StreamsRequest: WireMessage {
    package var after: StreamName?
    package var limit: Int

    package init(after: StreamName?, limit: Int) {
        self.after = after
        self.limit = limit
    }

    package func write(to writer: inout WireWriter) {
        writer.text(1, optional: after?.rawValue)
        writer.number(2, Int64(limit))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(after: nil, limit: 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: after = StreamName(unchecked: try reader.text(field))
            case 2: limit = Int(try reader.number(field))
            default: break
            }
        }
    }
}

/// `StreamsResponse`.
package struct StreamsPage: WireMessage {
    package var streams: [StreamName]

    package init(_ streams: [StreamName]) { self.streams = streams }

    package func write(to writer: inout WireWriter) {
        for stream in streams { writer.text(1, present: stream.rawValue) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([])
        while let field = try reader.next() {
            guard field.number == 1 else { continue }
            guard streams.count < Limits.eventsPerPage else {
                throw WireError("A page has more than \(Limits.eventsPerPage) streams.")
            }
            streams.append(StreamName(unchecked: try reader.text(field)))
        }
    }
}
