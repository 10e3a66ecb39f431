import DaybookCore

extension StreamWrite: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, stream.rawValue)
        writer.message(2, expected)
        switch action {
        case .append(let events):
            for event in events { writer.message(4, event) }
        case .setRetention(let retention):
            writer.number(3, 1)
            writer.message(5, retention)
        case .delete: writer.number(3, 2)
        case .tombstone: writer.number(3, 3)
        }
        writer.data(6, metadata)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var stream: StreamName?
        var expected = ExpectedVersion.any
        var action: Int64 = 0
        var events: [NewEvent] = []
        var retention = Retention.unlimited
        var metadata: [UInt8] = []
        while let field = try reader.next() {
            switch field.number {
            case 1: stream = try reader.name(field, StreamName.self)
            case 2: expected = try reader.message(field, ExpectedVersion.self)
            case 3: action = try reader.number(field)
            case 4:
                guard events.count < Limits.eventsPerAppend else {
                    throw WireError("An append has more than \(Limits.eventsPerAppend) events.")
                }
                events.append(try reader.message(field, NewEvent.self))
            case 5: retention = try reader.message(field, Retention.self)
            case 6: metadata = Array(try reader.data(field))
            default: break
            }
        }
        guard let stream else { throw WireError("A write names no stream.") }
        let whatToDo: Action =
            switch action {
            case 0: .append(events)
            case 1: .setRetention(retention)
            case 2: .delete
            case 3: .tombstone
            default: throw WireError("A write has the action \(action), which is not known.")
            }
        self.init(stream: stream, expected: expected, action: whatToDo, metadata: metadata)
    }
}

extension StreamCheck: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.text(1, stream.rawValue)
        writer.message(2, expected)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var stream: StreamName?
        var expected = ExpectedVersion.any
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let name = try reader.text(field)
                // That of a control stream is longer than others.
                guard name.utf8.count <= Limits.nameBytes + StreamName.controlPrefix.utf8.count else {
                    throw WireError("A check names a stream in \(name.utf8.count) bytes.")
                }
                stream = StreamName(unchecked: name)
            case 2: expected = try reader.message(field, ExpectedVersion.self)
            default: break
            }
        }
        guard let stream, !stream.rawValue.isEmpty else { throw WireError("A check names no stream.") }
        self.init(stream: stream, expected: expected)
    }
}
