import DaybookCore

/// `DescribeCopyResponse`.
package struct CopyDescription: WireMessage {
    package var keepsPositions: Bool

    package init(keepsPositions: Bool) { self.keepsPositions = keepsPositions }

    package func write(to writer: inout WireWriter) { writer.flag(1, keepsPositions) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(keepsPositions: false)
        while let field = try reader.next() {
            if field.number == 1 { keepsPositions = try reader.flag(field) }
        }
    }
}

/// `ImportEventsRequest`.
package struct ImportedEvents: WireMessage {
    package var events: [RecordedEvent]

    package init(_ events: [RecordedEvent]) { self.events = events }

    package func write(to writer: inout WireWriter) { events.write(1, to: &writer) }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([])
        var texts = WireTexts()
        while let field = try reader.next() {
            if field.number == 1 { try events.append(field, of: reader, texts: &texts) }
        }
    }
}

/// `ImportEventsResponse`.
package struct ImportedPositions: WireMessage {
    package var positions: [Position]

    package init(_ positions: [Position]) { self.positions = positions }

    package func write(to writer: inout WireWriter) {
        writer.packed(1, positions.lazy.map(\.rawValue))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([])
        while let field = try reader.next() {
            if field.number == 1 { positions += try reader.numbers(field).map { Position($0) } }
        }
    }
}

extension RecordedCommand: WireMessage {
    package func write(to writer: inout WireWriter) {
        writer.number(1, number)
        writer.text(2, command.rawValue)
        writer.fixed(3, digest)
        writer.message(4, result)
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        var number: Int64 = 0
        var command: CommandID?
        var digest: UInt64 = 0
        var result: AppendResult?
        while let field = try reader.next() {
            switch field.number {
            case 1: number = try reader.number(field)
            case 2: command = try reader.name(field, CommandID.self)
            case 3: digest = try reader.word(field)
            case 4: result = try reader.message(field, AppendResult.self)
            default: break
            }
        }
        guard let command, let result else { throw WireError("A command has no identifier, or no result.") }
        self.init(number: number, command: command, digest: digest, result: result)
    }
}

/// Commands, as they are imported or listed.
package struct RecordedCommands: WireMessage {
    package var commands: [RecordedCommand]

    package init(_ commands: [RecordedCommand]) { self.commands = commands }

    package func write(to writer: inout WireWriter) {
        for command in commands { writer.message(1, command) }
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init([])
        while let field = try reader.next() {
            guard field.number == 1 else { continue }
            guard commands.count < Limits.eventsPerPage else {
                throw WireError("There are more than \(Limits.eventsPerPage) commands.")
            }
            commands.append(try reader.message(field, RecordedCommand.self))
        }
    }
}

package struct ListCommandsRequest: WireMessage {
    package var after: Int64
    package var limit: Int

    package init(after: Int64, limit: Int) {
        self.after = after
        self.limit = limit
    }

    package func write(to writer: inout WireWriter) {
        writer.number(1, after)
        writer.number(2, Int64(limit))
    }

    package init(wire reader: inout WireReader) throws(WireError) {
        self.init(after: 0, limit: 0)
        while let field = try reader.next() {
            switch field.number {
            case 1: after = try reader.number(field)
            case 2: limit = Int(try reader.number(field))
            default: break
            }
        }
    }
}
