import DaybookCore

extension AppendRequest: WireMessage {
    package func write(to writer: inout WireWriter) {
        for write in writes { writer.message(1, write) }
        for check in checks { writer.message(2, check) }
        if let condition { writer.message(3, condition) }
        writer.text(4, optional: commandID?.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init()
        var events = 0
        while let field = try reader.next() {
            switch field.number {
            case 1:
                let write = try reader.message(field, StreamWrite.self)
                if case .append(let some) = write.action { events += some.count }
                writes.append(write)
            case 2: checks.append(try reader.message(field, StreamCheck.self))
            case 3: condition = try reader.message(field, AppendCondition.self)
            case 4: commandID = try reader.name(field, CommandID.self)
            default: break
            }
            guard writes.count + checks.count <= Limits.streamsPerAppend, events <= Limits.eventsPerAppend else {
                throw WireError(
                    "An append has more than \(Limits.streamsPerAppend) streams, or \(Limits.eventsPerAppend) events.")
            }
        }
    }
}

extension AppendCondition: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.message(1, failIfEventsMatch)
        writer.number(2, after.rawValue)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(failIfEventsMatch: EventQuery(items: []))
        while let field = try reader.next() {
            switch field.number {
            case 1: failIfEventsMatch = try reader.message(field, EventQuery.self)
            case 2: after = Position(try reader.number(field))
            default: break
            }
        }
    }
}
