import DaybookCore

extension AppendResult: WireMessage {
    package func write(to writer: inout WireWriter) {
        for end in streams { writer.message(1, end) }
        writer.number(2, position.rawValue)
        writer.number(3, Int64(eventCount))
        writer.number(4, recordedAt.microseconds)
        writer.flag(5, isRepeat)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(streams: [], position: .start, eventCount: 0, recordedAt: Timestamp(microseconds: 0))
        while let field = try reader.next() {
            switch field.number {
            case 1:
                guard streams.count < Limits.streamsPerAppend else {
                    throw WireError("The result of an append has more than \(Limits.streamsPerAppend) streams.")
                }
                streams.append(try reader.message(field, StreamEnd.self))
            case 2: position = Position(try reader.number(field))
            case 3: eventCount = Int(try reader.number(field))
            case 4: recordedAt = Timestamp(microseconds: try reader.number(field))
            case 5: isRepeat = try reader.flag(field)
            default: break
            }
        }
    }
}

extension AppendResult.StreamEnd: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, stream.rawValue)
        writer.number(2, optional: version?.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(stream: StreamName(unchecked: ""), version: nil)
        while let field = try reader.next() {
            switch field.number {
            case 1: stream = StreamName(unchecked: try reader.text(field))
            case 2: version = StreamVersion(try reader.number(field))
            default: break
            }
        }
    }
}

/// A result that may be missing: that of an append, which is not, or of a command that nobody knows.
package struct MaybeResult: WireMessage {
    package let result: AppendResult?

    package init(_ result: AppendResult?) { self.result = result }

    package func write(to writer: inout WireWriter) {
        if let result { writer.message(1, result) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var result: AppendResult?
        while let field = try reader.next() {
            if field.number == 1 { result = try reader.message(field, AppendResult.self) }
        }
        self.init(result)
    }
}
